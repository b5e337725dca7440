/**
 * What a process has cost so far, from /proc: CPU of all its threads, resident memory now and at its peak.
 * Linux only, and says so; nothing else gives the CPU of a foreign process with its worker threads.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How often `untilQuiet` and `untilSettled` look: milliseconds. */
const SAMPLE_MS = 500;

let ticksPerSecond = 0;

export function requireProc(): void {
  if (existsSync('/proc/self/stat')) return;
  throw new Error(
    'The benchmark reads CPU and memory of the servers from /proc: it needs Linux (a container will do).',
  );
}

/** User plus system time of the whole process, its finished threads included, its children not: milliseconds. */
export function cpuMs(pid: number): number {
  if (ticksPerSecond === 0) {
    ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in brackets and may contain spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

function statusKib(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
  if (match === null) throw new Error(`/proc/${pid}/status has no ${name}`);
  return Number(match[1]);
}

export function rssMib(pid: number): number {
  return statusKib(pid, 'VmRSS') / 1024;
}

export function peakRssMib(pid: number): number {
  return statusKib(pid, 'VmHWM') / 1024;
}

/** Forgets the peak so far, so that the next `peakRssMib` is of what happens from here on. */
export function resetPeakRss(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Waits until the process uses less than 3 % of a core for a second and a half; false if it never did. */
export async function untilQuiet(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let quietSamples = 0;
  let last = cpuMs(pid);
  while (quietSamples < 3) {
    if (performance.now() > deadline) return false;
    await delay(SAMPLE_MS);
    const now = cpuMs(pid);
    quietSamples = now - last < SAMPLE_MS * 0.03 ? quietSamples + 1 : 0;
    last = now;
  }
  return true;
}

/** The resident memory when it has moved by less than 1 % for two seconds, or at the deadline: MiB. */
export async function untilSettled(pid: number, timeoutMs: number): Promise<number> {
  const deadline = performance.now() + timeoutMs;
  const window: number[] = [];
  for (;;) {
    window.push(rssMib(pid));
    if (window.length > 4) window.shift();
    const isFlat = Math.max(...window) - Math.min(...window) < 0.01 * Math.max(...window);
    if ((window.length === 4 && isFlat) || performance.now() > deadline) return rssMib(pid);
    await delay(SAMPLE_MS);
  }
}
