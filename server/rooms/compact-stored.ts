/**
 * Compaction and referee, as far as the disk goes: what is durable of a document is loaded into a gc'ing Y.Doc
 * in a worker, with a deadline, and comes back as a new base. Updates that Yjs refuses are set aside in
 * quarantine records; nothing else is ever left out. If the worker fails or takes too long nothing is deleted.
 */
import type { BaseInfo, StoredDocument } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { RoomContext } from './context.ts';

export interface StoredCompaction {
  readonly base: BaseInfo;
  readonly chunks: readonly Uint8Array[];
  /** What left the tail. */
  readonly replaced: { readonly updates: number; readonly bytes: number };
  /** How many updates were set aside. */
  readonly quarantined: number;
}

/** @throws StoreError, WorkerError; the stored document is as it was */
export async function compactStored(
  name: DocumentName,
  stored: StoredDocument,
  context: RoomContext,
): Promise<StoredCompaction> {
  const { store, workers, limits, timers, stats } = context;
  const startedMs = timers.now();
  const chunks = stored.base === null ? [] : await store.readBase(name, stored.base.generation);
  const tail = stored.tail.map((update) => update.bytes);
  const result = await workers.compact({ chunks, tail }, limits.compactTimeoutMs);
  if (result.quarantined.length > 0) {
    const entries = result.quarantined.map(({ index, reason }) => {
      const update = stored.tail[index];
      if (update === undefined) throw new Error('the referee named an update that does not exist');
      return { seq: update.seq, reason };
    });
    await store.quarantine(name, entries);
    stats.quarantined += entries.length;
    context.report({
      type: 'quarantined',
      document: name,
      seqs: entries.map((entry) => entry.seq),
      reasons: entries.map((entry) => entry.reason),
    });
  }
  const upToSeq = stored.tail.at(-1)?.seq ?? stored.base?.upToSeq ?? -1;
  const { chunks: made, head, outline } = result;
  const base = await store.compact(name, { upToSeq, chunks: made, head, outline });
  stats.compactions += 1;
  context.report({
    type: 'compacted',
    document: name,
    upToSeq,
    bytes: base.bytes,
    chunks: base.chunkCount,
    durationMs: timers.now() - startedMs,
  });
  return {
    base,
    chunks: made,
    replaced: {
      updates: stored.tail.length,
      bytes: tail.reduce((sum, update) => sum + update.byteLength, 0),
    },
    quarantined: result.quarantined.length,
  };
}
