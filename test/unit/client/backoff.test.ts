import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../client/backoff.ts';

const almostOne = (): number => 1 - Number.EPSILON;

describe('reconnect pause', () => {
  it('doubles its window up to the maximum', () => {
    const backoff = new Backoff(30_000, almostOne);
    const pauses = Array.from({ length: 8 }, () => backoff.closed(0) + 1);
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('is spread over the whole window', () => {
    expect(new Backoff(30_000, () => 0).closed(0)).toBe(0);
    expect(new Backoff(30_000, () => 0.5).closed(0)).toBe(250);
  });

  it('starts over only after a connection that lasted ten seconds', () => {
    const backoff = new Backoff(30_000, almostOne);
    backoff.closed(0);
    backoff.closed(0);
    backoff.opened(1_000);
    expect(backoff.closed(10_999) + 1).toBe(2_000);
    backoff.opened(20_000);
    expect(backoff.closed(30_000) + 1).toBe(500);
  });

  it('does not take an attempt that never opened for one that lasted', () => {
    const backoff = new Backoff(30_000, almostOne);
    backoff.opened(0);
    backoff.closed(20_000);
    expect(backoff.closed(60_000) + 1).toBe(1_000);
  });
});
