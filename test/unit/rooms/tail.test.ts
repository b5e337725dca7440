import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Tail } from '../../../server/rooms/tail.ts';

function keystrokes(count: number): Uint8Array[] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  const text = doc.getText('text');
  for (let index = 0; index < count; index += 1) text.insert(index, String(index % 10));
  return updates;
}

function textOf(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  expect(doc.store.pendingStructs).toBeNull();
  return doc.getText('text').toString();
}

describe('Tail', () => {
  it('merges in levels and loses nothing', () => {
    const tail = new Tail(-1);
    const updates = keystrokes(1000);
    updates.forEach((update, seq) => {
      tail.append(update, seq, seq);
    });
    const segments = tail.since(-1);
    expect(segments?.length).toBeLessThan(40);
    expect(textOf((segments ?? []).map((segment) => segment.bytes))).toHaveLength(1000);
    expect(tail.bytes).toBe(
      (segments ?? []).reduce((sum, segment) => sum + segment.bytes.byteLength, 0),
    );
  });

  it('brings a session from any seq to the end', () => {
    const tail = new Tail(-1);
    const updates = keystrokes(100);
    updates.forEach((update, seq) => {
      tail.append(update, seq, seq);
    });
    for (const seq of [-1, 0, 37, 98, 99]) {
      const rest = (tail.since(seq) ?? []).map((segment) => segment.bytes);
      expect(textOf([...updates.slice(0, seq + 1), ...rest])).toHaveLength(100);
    }
    expect(tail.since(99)).toEqual([]);
  });

  it('says so when what is asked for has left for the base', () => {
    const tail = new Tail(-1);
    keystrokes(64).forEach((update, seq) => {
      tail.append(update, seq, seq);
    });
    tail.dropUpTo(40);
    expect(tail.since(39)).toBeNull();
    expect(tail.since(40)).not.toBeNull();
  });
});
