import { describe, expect, it } from 'vitest';
import { TokenClock } from '../../../server/access/token-clock.ts';

const START_MS = Date.UTC(2026, 0, 1);
const TEN_MINUTES_MS = 600_000;

/** A machine: its monotonic clock only runs, its wall clock can be set. */
function machine(): {
  clock: TokenClock;
  jumps: number[];
  pass: (ms: number) => void;
  set: (byMs: number) => void;
} {
  let monotonicMs = 5_000;
  let wallMs = START_MS;
  const jumps: number[] = [];
  const clock = new TokenClock({ now: () => monotonicMs, wallClock: () => wallMs }, (byMs) =>
    jumps.push(byMs),
  );
  return {
    clock,
    jumps,
    pass: (ms) => {
      monotonicMs += ms;
      wallMs += ms;
    },
    set: (byMs) => {
      wallMs += byMs;
    },
  };
}

describe('the clock of tokens', () => {
  it('is the wall clock while nobody sets that', () => {
    const { clock, jumps, pass } = machine();
    pass(1234);
    expect(clock.now()).toBe(START_MS + 1234);
    expect(jumps).toEqual([]);
  });

  it('J25 goes on from where it was when the wall clock is set back: what had expired stays expired', () => {
    const { clock, jumps, pass, set } = machine();
    pass(60_000);
    const expiresAtMs = clock.now();
    set(-TEN_MINUTES_MS);
    expect(clock.now()).toBe(expiresAtMs);
    pass(1000);
    expect(clock.now()).toBe(expiresAtMs + 1000);
    expect(jumps).toEqual([-TEN_MINUTES_MS]);
  });

  it('J25 does not go back either when nobody looked before the clock was set', () => {
    const { clock, pass, set } = machine();
    pass(60_000);
    set(-TEN_MINUTES_MS);
    expect(clock.now()).toBe(START_MS + 60_000);
  });

  it('J25 follows a clock that is set forward, and says so', () => {
    const { clock, jumps, set } = machine();
    set(TEN_MINUTES_MS);
    expect(clock.now()).toBe(START_MS + TEN_MINUTES_MS);
    expect(jumps).toEqual([TEN_MINUTES_MS]);
  });

  it('J25 is the wall clock again once that has caught up', () => {
    const { clock, jumps, pass, set } = machine();
    set(-TEN_MINUTES_MS);
    clock.now();
    set(TEN_MINUTES_MS);
    pass(1);
    expect(clock.now()).toBe(START_MS + 1);
    expect(jumps).toEqual([-TEN_MINUTES_MS, TEN_MINUTES_MS]);
  });

  it('takes small corrections of a time server as they come', () => {
    const { clock, jumps, pass, set } = machine();
    for (let second = 0; second < 100; second++) {
      pass(1000);
      set(second % 2 === 0 ? 15 : -15);
      clock.now();
    }
    expect(jumps).toEqual([]);
  });
});
