/**
 * A real redis-server of a test's own: a temp dir, a free port and a unix socket, nothing on disk. It can be
 * stopped (SIGSTOP: connections live, nobody answers), killed and started again on the same addresses. It ends
 * with the test, or with `end()` when it was started outside of one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { waitUntil } from './wait-until.ts';

const ATTEMPTS = 5;

export class RedisProcess {
  readonly port: number;
  readonly folder: string;
  readonly #settings: readonly string[];
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(port: number, folder: string, settings: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#settings = settings;
  }

  /** `settings`: redis-server's own, as in `['--maxmemory', '1mb']`. */
  static async start(settings: readonly string[] = []): Promise<RedisProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'syncline-redis-'));
    for (let attempt = 1; ; attempt += 1) {
      const redis = new RedisProcess(await freePort(), folder, settings);
      try {
        await redis.restart();
        return redis;
      } catch (error) {
        // Somebody else may have taken the port between finding and binding it.
        await redis.kill();
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get socketPath(): string {
    return join(this.folder, 'redis.sock');
  }

  /** 0 while it does not run. */
  get pid(): number {
    return this.isRunning ? (this.#child?.pid ?? 0) : 0;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it (again), empty, on the same port; resolves when it answers. */
  async restart(): Promise<void> {
    this.#output = '';
    const where = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder];
    const nothingOnDisk = ['--unixsocket', this.socketPath, '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', [...where, ...nothingOnDisk, ...this.#settings], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    // A run that is cut short leaves no server behind.
    const killLast = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', killLast);
    child.once('exit', () => process.removeListener('exit', killLast));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-4_096);
      });
    }
    child.on('error', (error: Error) => {
      this.#output += error.message;
    });
    await waitUntil('redis-server accepts connections', () => {
      if (!this.isRunning) throw new Error(`redis-server ended: ${this.#output}`);
      return this.#output.includes('Ready to accept connections');
    });
  }

  /** SIGSTOP: the kernel goes on accepting connections and bytes, nothing is answered. */
  stop(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Runs one command on a connection of its own: `run('CLIENT', 'KILL', 'TYPE', 'pubsub')`. */
  async run(command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis(this.port, '127.0.0.1', {
      connectionName: 'test',
      retryStrategy: null,
    });
    client.on('error', () => undefined);
    try {
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
