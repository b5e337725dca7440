/** Steps of a shutdown that must not wait for what hangs: they go on behind it, and the process ends. */

/** Resolves when the work has ended or the time is up. @throws what the work throws in time */
export async function withDeadline(work: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
