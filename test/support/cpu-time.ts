/** CPU time instead of time on the wall: what a test asserts must not depend on who else uses the machine. */

/** Milliseconds of CPU that this process spent on `work`, garbage collection included. */
export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
