import { parsePatch, applyPatch } from 'diff';
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { compareTexts, type Comparison } from '../../../../server/rooms/workers/compare-texts.ts';
import { seededRandom } from '../../../support/random.ts';

function stateOf(text: string): { bytes: Uint8Array<ArrayBuffer>; isGzipped: false } {
  const doc = new Y.Doc();
  doc.getText('t').insert(0, text);
  return { bytes: new Uint8Array(Y.encodeStateAsUpdate(doc)), isGzipped: false };
}

function compared(before: string, after: string, form: 'unified' | 'changes'): Comparison {
  const request = { rootName: 't', fromName: 'then', toName: 'now', form };
  return compareTexts(stateOf(before), stateOf(after), request);
}

function sides(comparison: Comparison): readonly [string, string] {
  if (comparison.kind !== 'changes') throw new Error(comparison.kind);
  const side = (absent: string): string =>
    comparison.changes.flatMap(({ kind, text }) => (kind === absent ? [] : [text])).join('');
  return [side('added'), side('removed')];
}

describe('comparing texts', () => {
  test('random pairs: a patch leads from one to the other, a list holds both', () => {
    const random = seededRandom(5);
    const text = (): string =>
      Array.from({ length: random.below(40) }, () =>
        random.pick(['word ', 'line\n', 'äö', '😀', '\r\n', '']),
      ).join('');
    for (let round = 0; round < 200; round++) {
      const [before, after] = [text(), text()];
      const unified = compared(before, after, 'unified');
      if (unified.kind !== 'unified') throw new Error(unified.kind);
      expect(applyPatch(before, parsePatch(unified.patch)[0] ?? '')).toBe(after);
      expect(sides(compared(before, after, 'changes'))).toEqual([before, after]);
    }
  });

  test('texts of which most differs are compared in bounded time, too, and as truly', () => {
    const random = seededRandom(6);
    const lines = (count: number): string =>
      Array.from({ length: count }, () => `${random.below(1e9)} words\n`).join('');
    for (const count of [800, 3_000, 60_000]) {
      for (const [before, after] of [
        [`same\n${lines(count)}end`, `same\n${lines(count)}end`],
        [lines(count), ''],
        [lines(count), `${lines(count)}end`],
        ['', lines(count)],
      ] as const) {
        const startedMs = performance.now();
        expect(sides(compared(before, after, 'changes'))).toEqual([before, after]);
        const unified = compared(before, after, 'unified');
        const tookMs = performance.now() - startedMs;
        if (unified.kind !== 'unified') throw new Error(unified.kind);
        expect(applyPatch(before, unified.patch)).toBe(after);
        process.stdout.write(`${count} lines replaced: compared in ${tookMs.toFixed(0)} ms\n`);
        expect(tookMs).toBeLessThan(20_000);
      }
    }
  });

  test('what is no text is the wrong type', () => {
    const doc = new Y.Doc();
    doc.getMap('t').set('k', 1);
    const map = { bytes: new Uint8Array(Y.encodeStateAsUpdate(doc)), isGzipped: false };
    const request = { rootName: 't', fromName: 'a', toName: 'b', form: 'unified' } as const;
    expect(compareTexts(stateOf('x'), map, request).kind).toBe('wrong-type');
    expect(compareTexts(map, stateOf('x'), request).kind).toBe('wrong-type');
  });
});
