/**
 * Nobody is left behind: a small process (guard-main.ts) that outlives this one and ends what it started, however
 * this one ends, `kill -9` included. It knows only process ids that it was told, and forgets those that are gone.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./guard-main.js', import.meta.url));

export class Guard {
  readonly #child: ChildProcess;

  constructor() {
    // In a session of its own: ctrl-c in a terminal goes to everybody in the foreground, and must not reach it.
    this.#child = spawn(process.execPath, [MAIN], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  watch(pid: number): void {
    this.#say(`process ${pid}`);
  }

  release(pid: number): void {
    this.#say(`gone ${pid}`);
  }

  /** Removed at the end, with everything in it. */
  watchFolder(path: string): void {
    this.#say(`folder ${path}`);
  }

  /** Removed at the end, with its ends of cables. */
  watchNamespace(name: string): void {
    this.#say(`namespace ${name}`);
  }

  /** Ends what is left, removes the folders, and resolves when that is done. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.ref();
    this.#child.stdin?.end();
    await exit;
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}
