/**
 * Makes a change log that nobody has trimmed short again: each document keeps one entry, where it was mentioned
 * last. So the log is never larger than its limit, or than twice one entry a document.
 *
 * An entry may move to a higher position, never to a lower one: a reader whose cursor stands anywhere in the log
 * misses nothing, and at worst sees again what it has seen. For the same reason it is written from the newest to
 * the oldest, one batch a portion: what an older record still says, a newer one on disk says already.
 */
import type { Reader } from './level-handle.ts';
import { allChanges, changeKey, positionOfChangeKey } from './record-keys.ts';
import * as values from './records.ts';
import type { DocumentChange } from './store.ts';

type Operation = readonly [key: Buffer, value: Uint8Array | null];

/** One record in the place of several. */
export interface CoalescedPortion {
  readonly operations: readonly Operation[];
  /** By how much the log shrinks: bytes. */
  readonly freedBytes: number;
}

/** Entries of one portion, and records that it replaces. */
const PORTION_MAX = 512;
/** Entries looked at for one portion, as a multiple: what it costs the event loop is bounded, too. */
const LOOKED_AT = 8;

/** The log as it lies on disk, and which documents it says were created. */
export interface LogImage {
  readonly records: readonly { readonly position: number; readonly value: Uint8Array }[];
  readonly created: ReadonlySet<string>;
}

export async function readLog(reader: Reader): Promise<LogImage> {
  const created = new Set<string>();
  const records: { position: number; value: Uint8Array }[] = [];
  for await (const [key, value] of reader.entries(allChanges)) {
    records.push({ position: positionOfChangeKey(key), value });
    const { changes } = values.decodeChanges(value) ?? { changes: [] };
    for (const { kind, name } of changes) if (kind === 'created') created.add(name);
  }
  return { records, created };
}

interface Draft {
  readonly position: number;
  readonly atMs: number;
  readonly changes: DocumentChange[];
  readonly replaced: number[];
  lookedAt: number;
  bytes: number;
}

/** What has to be written, newest first, each portion after the one before it is durable. */
export function* portionsOf(
  { records, created }: LogImage,
  portionMax: number = PORTION_MAX,
): Iterable<CoalescedPortion> {
  const seen = new Set<string>();
  let draft: Draft | null = null;
  for (const { position, value } of records.toReversed()) {
    const record = values.decodeChanges(value) ?? { atMs: 0, changes: [] };
    const changes = survivors(record.changes, seen, created);
    if (draft === null || isFull(draft, changes.length, portionMax)) {
      if (draft !== null) yield portionOf(draft);
      draft = { position, atMs: record.atMs, changes: [], replaced: [], lookedAt: 0, bytes: 0 };
    } else {
      draft.replaced.push(position);
    }
    // Records are taken newest first; within the new one the order is that of the log.
    draft.changes.unshift(...changes);
    draft.lookedAt += record.changes.length;
    draft.bytes += changeKey(position).length + value.length;
  }
  if (draft !== null) yield portionOf(draft);
}

function isFull({ changes, replaced, lookedAt }: Draft, more: number, max: number): boolean {
  return changes.length + more > max || replaced.length >= max || lookedAt >= LOOKED_AT * max;
}

function survivors(
  changes: readonly DocumentChange[],
  seen: Set<string>,
  created: ReadonlySet<string>,
): DocumentChange[] {
  const kept: DocumentChange[] = [];
  for (const { kind, name } of changes.toReversed()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const isNew = kind === 'changed' && created.has(name);
    kept.unshift({ kind: isNew ? 'created' : kind, name });
  }
  return kept;
}

function portionOf({ position, atMs, changes, replaced, bytes }: Draft): CoalescedPortion {
  const deletions = replaced.map((older): Operation => [changeKey(older), null]);
  const key = changeKey(position);
  if (changes.length === 0) return { operations: [...deletions, [key, null]], freedBytes: bytes };
  const value = values.encodeChanges({ atMs, changes });
  return {
    operations: [...deletions, [key, value]],
    freedBytes: bytes - key.length - value.length,
  };
}
