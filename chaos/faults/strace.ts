/**
 * Faults of system calls, where strace is there (Debian: strace) and may trace. A node either runs behind it from its start
 * (to die at a certain call), or strace joins a running one for a while. libuv ends a process whose own wake-up descriptor
 * cannot be written: only fdatasync is made to fail, which nothing but the store calls.
 */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { holdsWithin } from '../engine/clock.ts';
import { findProgram, type ProcessSpec } from '../processes.ts';

let known: string | null | undefined;

/** Null: strace works here. */
export function straceObstacle(): string | null {
  known ??= findObstacle();
  return known === '' ? null : known;
}

function findObstacle(): string {
  const strace = findProgram('strace');
  if (strace === null) {
    return 'strace is not installed (apt-get install -y --no-install-recommends strace)';
  }
  try {
    execFileSync(strace, ['-f', '-e', 'trace=none', '-o', '/dev/null', 'true'], {
      stdio: 'ignore',
    });
  } catch {
    return 'strace is not allowed to trace here';
  }
  return process.getuid?.() === 0 || scope() === '0'
    ? ''
    : 'strace may not join other processes here (kernel.yama.ptrace_scope, or not root)';
}

function scope(): string {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim();
  } catch {
    return '0';
  }
}

/** The node is killed as it enters its nth such call; a thread counts its own. */
export function killAtCall(spec: ProcessSpec, call: string, nth: number): ProcessSpec {
  const inject = `${call}:signal=KILL:when=${nth}`;
  return {
    ...spec,
    command: findProgram('strace') ?? 'strace',
    args: [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      `trace=${call}`,
      '-e',
      `inject=${inject}`,
      spec.command,
      ...spec.args,
    ],
    onKill: killChildren,
  };
}

function killChildren(pid: number): void {
  let children: string[] = [];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  } catch {
    return; // Gone already.
  }
  for (const child of children.map(Number).filter((each) => each > 0)) {
    process.kill(child, 'SIGKILL');
  }
}

const JOIN_MS_MAX = 5_000;

/** strace beside a running node; what it did to calls stands in its log. */
export class Tracer {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  /** `inject`: as strace takes it, `fdatasync:error=EIO:when=5`. */
  static async join(pid: number, inject: string, logFile: string): Promise<Tracer> {
    const call = inject.slice(0, inject.indexOf(':'));
    const child = spawn(
      findProgram('strace') ?? 'strace',
      ['-f', '-o', logFile, '-e', `trace=${call}`, '-e', `inject=${inject}`, '-p', `${pid}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const isJoined = await holdsWithin(JOIN_MS_MAX, () => said.includes('attached'));
    if (!isJoined) throw new Error(`strace did not join process ${pid}: ${said}`);
    return new Tracer(child, logFile);
  }

  /** Calls that were made to fail or to wait. */
  get injected(): number {
    try {
      return readFileSync(this.#logFile, 'utf8').match(/\((?:INJECTED|DELAYED)\)/g)?.length ?? 0;
    } catch {
      return 0;
    }
  }

  async leave(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    // On SIGINT it lets go of the process, which goes on.
    this.#child.kill('SIGINT');
    await exit;
  }
}
