/**
 * A node in a process of its own, so that it can be killed the hard way. The child is `node-main.ts` beside this
 * file: the same composition as server/main.ts, but able to run a deliberately broken variant.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished, type TestContext } from 'vitest';
import type { Sabotage } from './sabotage.ts';

const MAIN = fileURLToPath(new URL('./node-main.js', import.meta.url));

const SAID_BYTES = 4_096;

export interface NodeProcessOptions {
  readonly dataDir: string;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly sabotage?: Sabotage;
  /** Of a test that runs beside others: its context's. */
  readonly onFinished?: TestContext['onTestFinished'];
}

export class NodeProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  /** What it logged last. */
  #said = '';

  private constructor(child: ChildProcess, url: string, exited: Promise<number | null>) {
    this.#child = child;
    this.url = url;
    this.#exited = exited;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#said = (this.#said + data.toString()).slice(-SAID_BYTES);
      });
    }
  }

  static async start(options: NodeProcessOptions): Promise<NodeProcess> {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        ...process.env,
        HOST: '127.0.0.1',
        PORT: String(options.port ?? 0),
        DATA_DIR: options.dataDir,
        LOG_LEVEL: 'error',
        SABOTAGE: JSON.stringify(options.sabotage ?? {}),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve) => {
      child.once('exit', resolve);
    });
    (options.onFinished ?? onTestFinished)(() => {
      child.kill('SIGKILL');
    });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    const url = await new Promise<string>((resolve, reject) => {
      let stdout = '';
      child.stdout.on('data', (data: Buffer) => {
        stdout += data.toString();
        const end = stdout.indexOf('\n');
        if (end !== -1) resolve(stdout.slice(0, end));
      });
      child.once('exit', (code) => {
        reject(new Error(`the node exited with ${code} before it listened: ${stderr}${stdout}`));
      });
    });
    return new NodeProcess(child, url, exited);
  }

  get webSocketUrl(): string {
    return this.url.replace(/^http/, 'ws');
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get said(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** `kill -9`; synchronous up to the signal, so it can follow an ack within microseconds. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Resolves with the exit code; null when a signal ended the process. */
  async exited(): Promise<number | null> {
    return await this.#exited;
  }
}
