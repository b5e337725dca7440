/**
 * The process behind guard.ts. It reads what to look after from stdin; when stdin ends, whoever wrote there is gone,
 * and what is left is ended. A pipe is closed by the kernel, so this cannot be forgotten by a process that was killed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const processes = new Set<number>();
const folders = new Set<string>();
const namespaces = new Set<string>();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Empty where the system does not tell. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function childrenOf(pid: number): number[] {
  return readIfThere(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

function runIfPossible(command: string, ...args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
  } catch {
    // It is gone already.
  }
}

/** A file system that a fault has mounted can't be removed, and would stay for good. */
function unmountBelow(folder: string): void {
  const mounts = readIfThere('/proc/self/mounts').split('\n');
  const points = mounts.map((line) => line.split(' ')[1] ?? '');
  for (const point of points.filter((path) => path.startsWith(`${folder}/`))) {
    runIfPossible('umount', '-l', point);
  }
}

function removeFolder(folder: string): void {
  unmountBelow(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const space = line.indexOf(' ');
  const value = line.slice(space + 1);
  switch (line.slice(0, space)) {
    case 'process':
      processes.add(Number(value));
      break;
    case 'gone':
      processes.delete(Number(value));
      break;
    case 'namespace':
      namespaces.add(value);
      break;
    case 'folder':
      folders.add(value);
      break;
    default:
  }
});

lines.on('close', () => {
  for (const pid of processes) {
    // SIGKILL: it also ends what is stopped, and what would drain for nobody. A tracer would leave behind what it traces.
    for (const each of [...childrenOf(pid), pid]) if (isAlive(each)) process.kill(each, 'SIGKILL');
  }
  const timer = setInterval(() => {
    if ([...processes].some(isAlive)) return;
    clearInterval(timer);
    for (const folder of folders) removeFolder(folder);
    for (const namespace of namespaces) runIfPossible('ip', 'netns', 'del', namespace);
  }, 10);
});

// Whoever ends a whole group of processes by signal means the others: this one ends when they are gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
