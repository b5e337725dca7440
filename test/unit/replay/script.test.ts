import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { seededTypist, type Trace } from '../../support/traces.ts';
import { Script } from '../../replay/script.ts';
import { timeline } from '../../replay/timeline.ts';

/** Two people who type "ab" and "cd" at the same time, and then each a letter behind it all. */
const TWO: Trace = {
  kind: 'concurrent',
  agents: 2,
  startContent: '',
  endContent: 'abcdXY',
  txns: [
    { agent: 0, parents: [], patches: [[0, 0, 'a']] },
    { agent: 1, parents: [], patches: [[0, 0, 'c']] },
    { agent: 0, parents: [0], patches: [[1, 0, 'b']] },
    { agent: 1, parents: [1], patches: [[1, 0, 'd']] },
    { agent: 0, parents: [2, 3], patches: [[4, 0, 'X']] },
    { agent: 1, parents: [4], patches: [[5, 0, 'Y']] },
  ],
};

/** Plays by always taking the next edit of `order`'s author whose needs are met. */
function play(trace: Trace, order: readonly number[]): string {
  const script = new Script(trace);
  const doc = new Y.Doc();
  for (const author of order) {
    const edit = script.next(author);
    if (edit === null) throw new Error(`author ${author} has no more edits`);
    for (const [other, clock] of edit.needs.entries()) {
      expect(Y.getState(doc.store, script.clientId(other))).toBeGreaterThanOrEqual(clock);
    }
    Y.applyUpdate(doc, edit.update);
    expect(Y.getState(doc.store, script.clientId(author))).toBe(edit.clockAfter);
  }
  return doc.getText('text').toJSON();
}

describe('a script', () => {
  it('ends with the recorded text, in whatever order its needs allow', () => {
    expect(play(TWO, [0, 1, 0, 1, 0, 1])).toBe(TWO.endContent);
    expect(play(TWO, [1, 1, 0, 0, 0, 1])).toBe(TWO.endContent);
    expect(play(TWO, [0, 0, 1, 1, 0, 1])).toBe(TWO.endContent);
  });

  it('gives each edit of a lone typist, and then null', () => {
    const trace = seededTypist(1, 500);
    expect(
      play(
        trace,
        trace.txns.map(() => 0),
      ),
    ).toBe(trace.endContent);
    const script = new Script(trace);
    for (let edit = 0; edit < script.edits; edit++) expect(script.next(0)).not.toBeNull();
    expect(script.next(0)).toBeNull();
  });

  it('begins with the text that was there', () => {
    const trace: Trace = {
      ...seededTypist(1, 0),
      startContent: 'here',
      endContent: 'there',
      txns: [{ agent: 0, parents: [], patches: [[0, 0, 't']] }],
    };
    expect(play(trace, [0, 0])).toBe('there');
  });
});

describe('a timeline', () => {
  it('spreads the edits of one second over it and cuts long pauses', () => {
    expect(timeline([0, 0, 1_000, 1_000, 1_000_000], 1)).toEqual([0, 500, 1_000, 1_500, 6_000]);
  });

  it('types five edits a second where nobody kept the time', () => {
    expect(timeline([0, 0, 0], 1)).toEqual([0, 200, 400]);
    expect(timeline([Number.NaN, Number.NaN, Number.NaN], 2)).toEqual([0, 100, 200]);
  });

  it('does not believe a clock by which nobody could have typed', () => {
    const times = Array.from({ length: 1_000 }, (_, index) => index);
    expect(timeline(times, 1).at(-1)).toBe(199_800);
  });
});
