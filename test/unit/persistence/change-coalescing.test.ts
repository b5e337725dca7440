import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portionsOf, readLog } from '../../../persistence/change-coalescing.ts';
import type { Reader } from '../../../persistence/level-handle.ts';
import { changeKey, positionOfChangeKey } from '../../../persistence/record-keys.ts';
import { decodeChanges, encodeChanges } from '../../../persistence/records.ts';
import type { ChangeRecord, DocumentChange } from '../../../persistence/store.ts';

/** Small, so that there are several, and a crash between them. */
const PORTION = 6;

/** A log in memory: position → value. */
type Log = Map<number, Buffer>;

function readerOf(log: Log): Reader {
  const entries = [...log]
    .toSorted(([a], [b]) => a - b)
    .map(([position, value]) => [changeKey(position), value] as const);
  return {
    entries: async function* all() {
      yield* entries;
    },
  } as unknown as Reader;
}

function recordsOf(log: Log): ChangeRecord[] {
  return [...log]
    .toSorted(([a], [b]) => a - b)
    .map(([position, value]) => ({
      position,
      ...(decodeChanges(value) ?? { atMs: 0, changes: [] }),
    }));
}

/** A life: created, changed any number of times, perhaps deleted; spread over batches. */
const history = fc
  .array(
    fc.record({ name: fc.integer({ min: 0, max: 30 }), isDeletion: fc.boolean(), gap: fc.nat(3) }),
    { minLength: 1, maxLength: 120 },
  )
  .map((steps) => {
    const log: Log = new Map();
    const dead = new Set<number>();
    const born = new Set<number>();
    let position = 0;
    let changes: DocumentChange[] = [];
    for (const { name, isDeletion, gap } of steps) {
      if (dead.has(name)) continue;
      const kind = !born.has(name) ? 'created' : isDeletion ? 'deleted' : 'changed';
      born.add(name);
      if (kind === 'deleted') dead.add(name);
      changes.push({ kind, name: `document-${name}` });
      if (gap === 0) continue;
      position += gap;
      log.set(position, encodeChanges({ atMs: position, changes }));
      changes = [];
    }
    return log;
  });

/** What a reader must learn whose cursor stands there. */
function learned(log: Log, cursor: number): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { position, changes } of recordsOf(log)) {
    if (position <= cursor) continue;
    for (const { kind, name } of changes) {
      found.set(name, (found.get(name) ?? new Set()).add(kind));
    }
  }
  return found;
}

describe('coalescing the change log', () => {
  it('keeps the newest state of every document for every cursor, after a crash at any point, too', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (log, cut) => {
        const portions = [...portionsOf(await readLog(readerOf(log)), PORTION)];
        const after: Log = new Map(log);
        for (const { operations } of portions.slice(0, cut % (portions.length + 1))) {
          for (const [key, value] of operations) {
            const position = positionOfChangeKey(key);
            if (value === null) after.delete(position);
            else after.set(position, Buffer.from(value));
          }
        }
        const cursors = [0, ...log.keys()];
        for (const cursor of cursors) {
          const before = learned(log, cursor);
          const now = learned(after, cursor);
          for (const [name, kinds] of before) {
            const known = now.get(name) ?? new Set();
            expect([cursor, name, known.size > 0]).toEqual([cursor, name, true]);
            if (kinds.has('deleted')) expect(known.has('deleted')).toBe(true);
            else if (kinds.has('created')) expect(known.has('created')).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('in the end every document stands in it once, in fewer bytes, which are counted', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (log) => {
        const bytesOf = (of: Log): number =>
          [...of].reduce((sum, [at, value]) => sum + changeKey(at).length + value.length, 0);
        const after: Log = new Map(log);
        let freed = 0;
        for (const { operations, freedBytes } of portionsOf(
          await readLog(readerOf(log)),
          PORTION,
        )) {
          freed += freedBytes;
          for (const [key, value] of operations) {
            const position = positionOfChangeKey(key);
            if (value === null) after.delete(position);
            else after.set(position, Buffer.from(value));
          }
        }
        const names = recordsOf(after).flatMap(({ changes }) => changes.map(({ name }) => name));
        expect(new Set(names).size).toBe(names.length);
        expect(bytesOf(after)).toBe(bytesOf(log) - freed);
        expect(freed).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
