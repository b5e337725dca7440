/**
 * What a folder holds beside documents, for the `syncline` tool: records of other parts, and the change log. A record
 * whose checksum is wrong is named, and concerns nobody else.
 */
import type { Reader } from './level-handle.ts';
import { allChanges, allRecords, parseRecordKey } from './record-keys.ts';
import * as values from './records.ts';
import type { RecordKey, RecordSpace } from './store.ts';

export interface OfflineRecords {
  readonly spaces: readonly {
    readonly space: RecordSpace;
    readonly count: number;
    readonly bytes: number;
  }[];
  /** What the change log still holds for webhooks. */
  readonly changes: { readonly count: number; readonly bytes: number };
  /** Each names a record, or one of the change log, that cannot be read. */
  readonly damaged: readonly string[];
}

export function describeRecord({ space, document, id }: RecordKey): string {
  const owner = document === null ? '' : ` of document ${JSON.stringify(document)}`;
  return `${space} record ${JSON.stringify(id)}${owner}`;
}

/** A damaged one, with the key it lies under. */
export interface DamagedRecord {
  readonly key: Buffer;
  readonly what: string;
}

export async function surveyRecords(
  reader: Reader,
): Promise<Omit<OfflineRecords, 'damaged'> & { readonly damaged: readonly DamagedRecord[] }> {
  const spaces = new Map<RecordSpace, { count: number; bytes: number }>();
  const damaged: DamagedRecord[] = [];
  for await (const [key, value] of reader.entries(allRecords)) {
    const parsed = parseRecordKey(key);
    const isSound = parsed !== null && values.decodeOpaque(value) !== null;
    if (!isSound) {
      damaged.push({ key, what: parsed === null ? 'a record' : describeRecord(parsed) });
    }
    if (parsed === null) continue;
    const sum = spaces.get(parsed.space) ?? { count: 0, bytes: 0 };
    sum.count++;
    sum.bytes += value.length;
    spaces.set(parsed.space, sum);
  }
  const changes = { count: 0, bytes: 0 };
  for await (const [key, value] of reader.entries(allChanges)) {
    changes.count++;
    changes.bytes += value.length;
    if (values.decodeChanges(value) === null) damaged.push({ key, what: 'a change log record' });
  }
  return {
    spaces: [...spaces].map(([space, sum]) => ({ space, ...sum })),
    changes,
    damaged,
  };
}

/**
 * Spaces that an archive takes along: what belongs to the documents and their users. Not the webhooks' own, whose
 * positions mean nothing in another store.
 */
export const PORTABLE_SPACES: readonly RecordSpace[] = [
  'snapshot',
  'snapshot-state',
  'snapshot-deleted',
  'revocation',
  'dead-letter',
];

export async function* portableRecordKeys(reader: Reader): AsyncIterable<RecordKey> {
  for await (const key of reader.keys(allRecords)) {
    const parsed = parseRecordKey(key);
    if (parsed !== null && PORTABLE_SPACES.includes(parsed.space)) yield parsed;
  }
}
