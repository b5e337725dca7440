/**
 * How long a process was ready to run and had no core: what a promise in seconds does not answer for. Linux counts it
 * for each thread (`/proc/<pid>/schedstat`: nanoseconds on a core, nanoseconds waiting for one, turns); of a process the
 * main thread is taken, which is where a node and a Redis do what others wait for.
 */
import { readFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

/** Since the process started, milliseconds; 0 when it does not run any more. */
export function cpuWaitMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / NS_PER_MS;
  } catch {
    return 0;
  }
}

/** Resident memory of a process: bytes. */
export function residentBytes(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  return pages * 4096;
}
