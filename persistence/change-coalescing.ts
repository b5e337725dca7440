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

interface Draft {
  readonly position: number;
  readonly atMs: number;
  readonly changes: DocumentChange[];
  readonly replaced: number[];
  bytes: number;
}

/** What has to be written, newest first. Memory: about what is left of the log. */
export async function planCoalescing(
  reader: Reader,
  portionMax: number = PORTION_MAX,
): Promise<CoalescedPortion[]> {
  const created = new Set<string>();
  const records: { position: number; bytes: number; value: values.ChangesRecord | null }[] = [];
  for await (const [key, value] of reader.entries(allChanges)) {
    const record = values.decodeChanges(value);
    const bytes = key.length + value.length;
    records.push({ position: positionOfChangeKey(key), bytes, value: record });
    for (const { kind, name } of record?.changes ?? []) if (kind === 'created') created.add(name);
  }
  const seen = new Set<string>();
  const portions: CoalescedPortion[] = [];
  let draft: Draft | null = null;
  for (const { position, bytes, value } of records.toReversed()) {
    const changes = survivors(value?.changes ?? [], seen, created);
    const isFull =
      draft !== null &&
      (draft.changes.length + changes.length > portionMax || draft.replaced.length >= portionMax);
    if (draft === null || isFull) {
      if (draft !== null) portions.push(portionOf(draft));
      draft = { position, atMs: value?.atMs ?? 0, changes: [], replaced: [], bytes: 0 };
    } else {
      draft.replaced.push(position);
    }
    // Records are taken newest first; within the new one the order is that of the log.
    draft.changes.unshift(...changes);
    draft.bytes += bytes;
  }
  if (draft !== null) portions.push(portionOf(draft));
  return portions;
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
