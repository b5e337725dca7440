/** Does `work` for 0 to `count - 1`, `parallel` at a time. @throws the first error, when the others have ended */
export async function inParallel(
  parallel: number,
  count: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(parallel, count) }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
