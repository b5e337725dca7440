/**
 * Time as the stores see it: passed in, so that the simulation can run on a virtual clock and tests never
 * sleep. `now` is milliseconds since the epoch and may have a fraction.
 */
export interface StoreClock {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** Runs once what is being read from sockets now has been read. */
  setImmediate(run: () => void): void;
}

export const systemClock: StoreClock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
  setImmediate: (run) => {
    setImmediate(run);
  },
};
