/** Bounded waiting for what cannot be cancelled. */
import type { TimerHandle, Timers } from './timers.ts';

/**
 * The result of `work`, or after `timeoutMs` the error that `isLate` makes. `late` gets a result that comes after
 * that, so that it can be given back; an error then is nobody's.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timers: Timers,
  timeoutMs: number,
  isLate: () => Error,
  late: (result: T) => void = () => undefined,
): Promise<T> {
  let hasPassed = false;
  let timer: TimerHandle | null = null;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = timers.setTimeout(() => {
      hasPassed = true;
      reject(isLate());
    }, timeoutMs);
  });
  work.then(
    (result) => {
      if (hasPassed) late(result);
    },
    () => undefined,
  );
  try {
    return await Promise.race([work, deadline]);
  } finally {
    if (timer !== null) timers.clearTimeout(timer);
  }
}
