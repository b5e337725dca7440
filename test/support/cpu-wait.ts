/**
 * How long a process was ready to run and had no core: what a promise in seconds does not answer for. Linux counts it
 * for each thread (`/proc/<pid>/schedstat`: nanoseconds on a core, nanoseconds waiting for one, turns); of a process the
 * main thread is taken, which is where a node and a Redis do what others wait for.
 */
import { readFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

/** Since the process started, milliseconds; 0 when it does not run any more. */
function cpuWaitMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / NS_PER_MS;
  } catch {
    return 0;
  }
}

/** Time since it was made, without that of the process among these which got the least of the cores. */
export class Stopwatch {
  readonly #startMs: number = performance.now();
  readonly #waits: readonly (readonly [pid: number, waitMs: number])[];

  constructor(pids: readonly number[]) {
    this.#waits = pids.map((pid) => [pid, cpuWaitMs(pid)]);
  }

  get wallMs(): number {
    return performance.now() - this.#startMs;
  }

  get starvedMs(): number {
    return Math.max(0, ...this.#waits.map(([pid, waitMs]) => cpuWaitMs(pid) - waitMs));
  }

  get tookMs(): number {
    return Math.max(0, this.wallMs - this.starvedMs);
  }
}

/** Resident memory of a process: bytes. */
export function residentBytes(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  return pages * 4096;
}
