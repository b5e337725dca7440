import { describe, expect, it } from 'vitest';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { PresenceRepeats } from '../../../server/fanout/presence-repeats.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const notes = 'notes' as DocumentName;
const here = (clientId: number) => ({ clientId, clock: 1, json: '{}' });
const gone = (clientId: number) => ({ clientId, clock: 1, json: null });

describe('who has come or gone lately', () => {
  it('is said again for twelve seconds, each for itself', async () => {
    const timers = new VirtualTimers();
    const repeats = new PresenceRepeats(timers);
    repeats.note(notes, [here(1)]);
    await timers.advance(8_000);
    repeats.note(notes, [here(2)]);
    expect([...repeats.due()].map(({ come }) => [...come])).toEqual([[1, 2]]);
    await timers.advance(5_000);
    expect([...repeats.due()].map(({ come }) => [...come])).toEqual([[2]]);
    await timers.advance(8_000);
    expect([...repeats.due()]).toEqual([]);
    expect(repeats.count).toBe(0);
  });

  it('is what happened last', async () => {
    const timers = new VirtualTimers();
    const repeats = new PresenceRepeats(timers);
    repeats.note(notes, [here(1), here(2)]);
    repeats.note(notes, [gone(1)]);
    repeats.note(notes, [gone(2)]);
    repeats.note(notes, [here(2)]);
    await timers.advance(2_000);
    const [due] = [...repeats.due()];
    expect([...(due?.come ?? [])]).toEqual([2]);
    expect(due?.goodbyes).toEqual([gone(1)]);
  });

  it('[I6] is bounded while people come and go without end', async () => {
    const timers = new VirtualTimers();
    const repeats = new PresenceRepeats(timers);
    for (let client = 0; client < 6_000; client += 1) {
      repeats.note(notes, [here(client)]);
      repeats.note(notes, [gone(client)]);
      if (client % 10 === 0) await timers.advance(100);
      for (const { come, goodbyes } of repeats.due()) {
        expect(come.size + goodbyes.length).toBeLessThanOrEqual(256);
      }
      expect(repeats.count).toBeLessThanOrEqual(256);
    }
    await timers.advance(12_000);
    expect([...repeats.due()]).toEqual([]);
    expect(repeats.count).toBe(0);
  });

  it('begins anew when a room was closed with people in it', async () => {
    const timers = new VirtualTimers();
    const repeats = new PresenceRepeats(timers);
    repeats.note(notes, [here(1)]);
    await timers.advance(20_000);
    expect([...repeats.due()]).toEqual([]);
    repeats.closed(notes);
    repeats.note(notes, [here(1)]);
    await timers.advance(2_000);
    expect([...repeats.due()]).toHaveLength(1);
  });
});
