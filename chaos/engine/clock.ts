/**
 * One clock for all processes of a run, in milliseconds: the machine's own. (`performance.now()` counts from each process's
 * start; corrected by an offset it was late in a process that had been interrupted between reading the two.)
 */
export function mono(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks again every `everyMs` until it holds; false when it did not in time. */
export async function holdsWithin(
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
  everyMs: number = 50,
): Promise<boolean> {
  const deadlineMs = mono() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (mono() >= deadlineMs) return false;
    await pause(everyMs);
  }
}
