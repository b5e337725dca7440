/** What a Hocuspocus provider counts, and what it is answered. */
import { describe, expect, it } from 'vitest';
import { FrameCount } from '../../../server/gateway/dialects/hocuspocus-document.ts';

const NOTHING = Uint8Array.of(0);
const update = { type: 'update', update: Uint8Array.of(1, 1, 7, 5, 0) } as const;
const step2 = { type: 'sync-step-2', update: Uint8Array.of(0, 0) } as const;

describe('the count of a provider', () => {
  it('answers 0 to what came before its SyncStep1, and 1 to what it counts', () => {
    const count = new FrameCount();
    count.note(update);
    count.restart(NOTHING);
    count.note(step2);
    expect(count.answer(count.note(update))).toEqual([false, true, true]);
    expect(count.answer(3)).toEqual([]);
  });

  it('answers 0 to what was refused, and to what was under way when it began anew', () => {
    const count = new FrameCount();
    count.restart(NOTHING);
    count.note(step2);
    count.refuse(count.note(update));
    expect(count.answer(2)).toEqual([true, false]);
    count.note(update);
    count.restart(NOTHING);
    expect(count.answer(count.note(step2))).toEqual([false, true]);
  });

  it('[I6] keeps few numbers of one who is never answered, and says of none of them that it is saved', () => {
    const count = new FrameCount();
    // Covers clock 5 of client 7: each update is one that was made before.
    count.restart(Uint8Array.of(1, 7, 6));
    for (let frame = 0; frame < 25_000; frame += 1) count.note(update);
    expect(count.held).toBeLessThanOrEqual(10_000);
    const answers = count.answer(25_000);
    expect(answers).toHaveLength(25_000);
    expect(answers).not.toContain(true);
    expect(count.answer(count.note(step2))).toEqual([true]);
  });
});
