/**
 * Time as rooms see it: passed in, so that a simulation can run hours in seconds and replay them from a seed.
 * Nothing in server/rooms reads a clock by itself.
 */
import { afterReads } from './turn.ts';

export interface TimerHandle {
  unref?(): unknown;
}

export interface Timers {
  /** Monotonic milliseconds, fractions included. */
  now(): number;
  /** Wall clock, milliseconds since the epoch; for records and reports only, never for ordering. */
  wallClock(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  /** Runs the callback once what is being read from sockets now has been read. */
  setImmediate(callback: () => void): void;
}

export const realTimers: Timers = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
  setImmediate: afterReads,
};

export function pause(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.setTimeout(resolve, delayMs);
  });
}
