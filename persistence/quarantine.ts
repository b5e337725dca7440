/**
 * Sets updates of a tail aside: their bytes move to quarantine records, for `syncline inspect`, and their
 * numbers are accounted for in the skips record, so that no hole appears. One batch, all or nothing.
 */
import { crc32 } from 'node:zlib';
import type { DiskAccess } from './compactor.ts';
import * as keys from './keys.ts';
import type { OpenDocument } from './open-document.ts';
import * as records from './records.ts';
import type { QuarantineEntry } from './store.ts';

export async function quarantineUpdates(
  { committer, read }: DiskAccess,
  document: OpenDocument,
  entries: readonly QuarantineEntry[],
  atMs: number,
): Promise<void> {
  const { name, updatePrefix } = document;
  await document.settled; // they may have been appended a moment ago
  const operations: (readonly [Buffer, Uint8Array | null])[] = [];
  await read(async (reader) => {
    for (const { seq, reason } of entries) {
      const key = keys.updateKey(updatePrefix, seq);
      const bytes = await reader.get(key);
      if (bytes === undefined || seq < document.tailStart) continue; // a compaction was faster
      const record = records.encodeQuarantine({ reason, atMs, bytes });
      operations.push([keys.numberedRecordKey('quarantine', name, seq), record], [key, null]);
      document.skips.set(seq, crc32(bytes));
    }
  });
  if (operations.length === 0) return;
  operations.push([keys.recordKey('skips', name), records.encodeSkips(document.skips)]);
  await committer.write(operations);
}
