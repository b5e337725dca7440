/**
 * A process of another program: started, watched, stopped (SIGSTOP), killed, started again on the same addresses.
 * Signals go to process ids that are known to be alive, never to names. What it says comes line by line.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Guard } from './guard.ts';

/** How long a program may take to say that it is ready. */
const START_TIMEOUT_MS = 20_000;
/** What it said last, for the message when it ends too early. */
const LINES_KEPT = 20;

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The first line that says so; or a question that is asked until it says yes. */
  readonly isReady: ((line: string) => boolean) | { readonly ask: () => Promise<boolean> };
  /** The signal of an orderly end. */
  readonly endSignal: NodeJS.Signals;
  readonly endTimeoutMs: number;
  /** Of a program that runs another one: takes that one along when this one is killed. */
  readonly onKill?: (pid: number) => void;
}

export interface ProcessObserver {
  readonly onLine?: (name: string, line: string) => void;
  /** It ended, and nobody here had asked for it. */
  readonly onLost?: (name: string, how: string) => void;
}

export class WatchedProcess {
  readonly spec: ProcessSpec;
  readonly #guard: Guard;
  readonly #observer: ProcessObserver;
  #child: ChildProcess | null = null;
  #isEnding = false;
  #lines: string[] = [];

  constructor(spec: ProcessSpec, guard: Guard, observer: ProcessObserver) {
    this.spec = spec;
    this.#guard = guard;
    this.#observer = observer;
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | null {
    return this.isRunning ? (this.#child?.pid ?? null) : null;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Of its last end; null while it runs, and after a signal. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  /** The orderly end is asked for, and not waited for. */
  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) return;
    this.#isEnding = true;
    this.#child?.kill(signal);
  }

  /** Starts it (again); resolves when it is ready. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { command, args, env, isReady } = this.spec;
    this.#isEnding = false;
    this.#lines = [];
    // Detached: ctrl-c in a terminal must reach the starter alone, which ends everybody in order.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    const ready = deferred();
    child.once('error', ready.reject);
    child.once('exit', (code, signal) => {
      const how = signal === null ? `ended with exit code ${code}` : `ended by ${signal}`;
      if (child.pid !== undefined) this.#guard.release(child.pid);
      ready.reject(new Error([`${this.name} ${how}`, ...this.#lines].join('\n')));
      if (!this.#isEnding) this.#observer.onLost?.(this.name, how);
    });
    if (child.pid !== undefined) this.#guard.watch(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines = [...this.#lines, line].slice(-LINES_KEPT);
        this.#observer.onLine?.(this.name, line);
        if (typeof isReady === 'function' && isReady(line)) ready.resolve();
      });
    }
    if (typeof isReady !== 'function') void this.#askUntilReady(isReady.ask, ready.resolve);
    const timer = setTimeout(() => {
      ready.reject(
        new Error(
          [`${this.name} is not ready in ${START_TIMEOUT_MS} ms`, ...this.#lines].join('\n'),
        ),
      );
    }, START_TIMEOUT_MS);
    try {
      await ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGSTOP: connections live, nobody answers. */
  stop(): void {
    if (this.isRunning) this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (this.isRunning) this.#child?.kill('SIGCONT');
  }

  /** The orderly end, and SIGKILL when it takes longer than it may. */
  async end(): Promise<void> {
    this.resume();
    await this.#end(this.spec.endSignal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) return;
    this.#isEnding = true;
    const exit = once(child, 'exit');
    if (signal === 'SIGKILL' && child.pid !== undefined) this.spec.onKill?.(child.pid);
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), this.spec.endTimeoutMs);
    await exit;
    clearTimeout(timer);
  }

  async #askUntilReady(ask: () => Promise<boolean>, resolve: () => void): Promise<void> {
    while (this.isRunning) {
      // oxlint-disable-next-line promise/prefer-await-to-then
      if (await ask().catch(() => false)) {
        resolve();
        return;
      }
      await new Promise((again) => setTimeout(again, 20));
    }
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function nothing(): void {
  // Until the promise gives the real ones, at once.
}

/** Node 20 has no Promise.withResolvers. */
function deferred(): Deferred {
  let resolve = nothing;
  let reject: (error: Error) => void = nothing;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Where a program is, as a shell would find it; Debian keeps some in sbin, which is not on everybody's PATH. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Each is another one: all are held until all are found. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(async (server) => await once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return ports;
}
