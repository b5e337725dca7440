import { describe, expect, it } from 'vitest';
import { FlushWindow } from '../../../server/rooms/flush-window.ts';

describe('FlushWindow', () => {
  it('sends at once in a quiet room', () => {
    const window = new FlushWindow(16);
    window.note(1000, 3);
    expect(window.delayMs(1000)).toBe(0);
    window.flushed(1000);
    window.note(1500, 3);
    expect(window.delayMs(1500)).toBe(0);
  });

  it('grows with load to one display frame, and no further', () => {
    const window = new FlushWindow(16);
    let nowMs = 0;
    for (; nowMs < 2000; nowMs += 5) window.note(nowMs, 100);
    window.flushed(nowMs);
    expect(window.delayMs(nowMs)).toBe(16);
    expect(window.delayMs(nowMs + 10)).toBe(6);
    expect(window.delayMs(nowMs + 16)).toBe(0);
  });

  it('shrinks again when the load is gone', () => {
    const window = new FlushWindow(16);
    for (let nowMs = 0; nowMs < 2000; nowMs += 5) window.note(nowMs, 100);
    window.flushed(10_000);
    expect(window.delayMs(10_000)).toBeLessThan(1);
  });
});
