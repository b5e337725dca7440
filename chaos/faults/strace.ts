/**
 * Faults of system calls, where strace is there (Debian: strace) and may trace: the node runs behind it. Only calls on its
 * data folder fail: libuv ends itself when its own wake-up descriptor cannot be written.
 */
import { execFileSync } from 'node:child_process';
import { findProgram, type ProcessSpec } from '../processes.ts';

let known: string | null | undefined;

/** Null: strace works here. */
export function straceObstacle(): string | null {
  if (known !== undefined) return known;
  const strace = findProgram('strace');
  if (strace === null) {
    known = 'strace is not installed (apt-get install -y --no-install-recommends strace)';
    return known;
  }
  try {
    execFileSync(strace, ['-f', '-e', 'trace=none', '-o', '/dev/null', 'true'], {
      stdio: 'ignore',
    });
    known = null;
  } catch {
    known = 'strace is not allowed to trace here';
  }
  return known;
}

export interface Injection {
  /** As strace's -e inject takes it, without the `inject=`. */
  readonly inject: string;
  /** Only calls on these paths, or descriptors of these. */
  readonly paths?: readonly string[];
  /** What it did, call by call. */
  readonly logFile: string;
}

export function behindStrace(
  spec: ProcessSpec,
  { inject, paths, logFile }: Injection,
): ProcessSpec {
  const calls = inject.slice(0, inject.indexOf(':'));
  return {
    ...spec,
    command: findProgram('strace') ?? 'strace',
    args: [
      '-f',
      '-qq',
      '-o',
      logFile,
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${inject}`,
      ...(paths ?? []).flatMap((path) => ['-P', path]),
      spec.command,
      ...spec.args,
    ],
  };
}

/** The node is killed as it enters its nth such call. */
export function killAtCall(spec: ProcessSpec, call: string, nth: number): ProcessSpec {
  const inject = `${call}:signal=KILL:when=${nth}`;
  return behindStrace(spec, { inject, logFile: '/dev/null' });
}
