/**
 * The servers under test, each as a child process of its own on a free loopback port. All are started with
 * their defaults, as their own documentation says; Syncline with its (synced) LevelDB in a temporary folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Target } from './bench-client.ts';
import type { DialectName } from './dialects.ts';
import { peerVersion, PEERS_DIR, PROJECT_ROOT } from './peers.ts';

/** How long a server may take to print its URL, and to end after SIGTERM: milliseconds. */
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

export type ServerId =
  | 'syncline'
  | 'y-websocket-server'
  | 'y-websocket-leveldb'
  | 'hocuspocus'
  | 'hocuspocus-redis'
  | 'relay-redis';

/** Measured besides, as the least that there can be; nobody's peer. */
export const REFERENCES: ReadonlySet<string> = new Set<ServerId>(['relay-redis']);

export interface ServerKind {
  readonly id: ServerId;
  readonly label: string;
  readonly dialect: DialectName;
  /** Where edits go: what a restart brings back, and what an ack may mean. */
  readonly storage: 'nothing is kept' | 'memory' | 'disk, not synced' | 'disk, synced';
  /** Runs only with others of its kind, over Redis. */
  readonly needsRedis?: true;
  version(): string;
  command(dataDir: string): { readonly args: string[]; readonly env: Record<string, string> };
}

const stock = join(PEERS_DIR, 'stock-server.mjs');
const modules = join(PEERS_DIR, 'node_modules');

export const SERVERS: readonly ServerKind[] = [
  {
    id: 'syncline',
    label: 'Syncline',
    dialect: 'y-websocket',
    storage: 'disk, synced',
    version: () => {
      const file = readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8');
      return (JSON.parse(file) as { version: string }).version;
    },
    command: (dataDir) => ({
      args: [join(PROJECT_ROOT, 'dist/server/main.js')],
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: dataDir,
        // As `npm start` and the container image set it; the peers run as their packages start them.
        MALLOC_MMAP_THRESHOLD_: '131072',
      },
    }),
  },
  {
    id: 'y-websocket-server',
    label: '@y/websocket-server',
    dialect: 'y-websocket',
    storage: 'memory',
    version: () => peerVersion('@y/websocket-server'),
    command: () => ({ args: [stock, join(modules, '@y/websocket-server/src/server.js')], env: {} }),
  },
  {
    id: 'y-websocket-leveldb',
    label: 'y-websocket + y-leveldb',
    dialect: 'y-websocket',
    storage: 'disk, not synced',
    version: () => peerVersion('y-websocket'),
    command: (dataDir) => ({
      args: [stock, join(modules, 'y-websocket/bin/server.cjs')],
      env: { YPERSISTENCE: dataDir },
    }),
  },
  {
    id: 'hocuspocus',
    label: '@hocuspocus/server',
    dialect: 'hocuspocus',
    storage: 'memory',
    version: () => peerVersion('@hocuspocus/server'),
    command: () => ({ args: [join(PEERS_DIR, 'hocuspocus.mjs')], env: {} }),
  },
  {
    id: 'hocuspocus-redis',
    label: '@hocuspocus/server + extension-redis',
    dialect: 'hocuspocus',
    storage: 'memory',
    needsRedis: true,
    version: () =>
      `${peerVersion('@hocuspocus/server')} + ${peerVersion('@hocuspocus/extension-redis')}`,
    command: () => ({ args: [join(PEERS_DIR, 'hocuspocus-redis.mjs')], env: {} }),
  },
  {
    id: 'relay-redis',
    label: 'bare relay: ws + ioredis',
    dialect: 'y-websocket',
    storage: 'nothing is kept',
    needsRedis: true,
    version: () => `${peerVersion('ws')} + ${peerVersion('ioredis')}`,
    command: () => ({ args: [join(PEERS_DIR, 'relay-redis.mjs')], env: {} }),
  },
];

/** Where servers write their CPU profiles when they end; null: they make none. */
let profileDir: string | null = null;

export function profileInto(folder: string): void {
  profileDir = folder;
}

const running = new Set<ChildProcess>();
const dataDirs = new Set<string>();
// Whatever ends the benchmark, its servers and their data end with it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const dir of dataDirs) rmSync(dir, { recursive: true, force: true });
});

export class RunningServer {
  readonly kind: ServerKind;
  readonly #dataDir: string;
  #child: ChildProcess | null = null;
  #url = '';
  /** The last it said on stderr: the reason, when it dies. */
  #lastWords = '';
  readonly #isInspected: boolean;
  readonly #env: Readonly<Record<string, string>>;
  #inspectorUrl = '';

  private constructor(
    kind: ServerKind,
    isInspected: boolean,
    env: Readonly<Record<string, string>>,
  ) {
    this.kind = kind;
    this.#isInspected = isInspected;
    this.#env = env;
    this.#dataDir = mkdtempSync(join(tmpdir(), `syncline-bench-${kind.id}-`));
    dataDirs.add(this.#dataDir);
  }

  /** `isInspected`: with Node's inspector on a loopback port, for `inspectorUrl`. `env`: beside the kind's own. */
  static async start(
    kind: ServerKind,
    isInspected = false,
    env: Readonly<Record<string, string>> = {},
  ): Promise<RunningServer> {
    const server = new RunningServer(kind, isInspected, env);
    try {
      await server.#spawn();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.kind.label} is not running`);
    return pid;
  }

  get inspectorUrl(): string {
    if (this.#inspectorUrl === '') throw new Error(`${this.kind.label} runs without inspector`);
    return this.#inspectorUrl;
  }

  get target(): Target {
    return { url: this.#url.replace(/^http/, 'ws'), dialect: this.kind.dialect };
  }

  /** Ends the process, in good order unless told otherwise, and starts it again on the same data. */
  async restart(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#end(signal);
    await this.#spawn();
  }

  /** Ends the process and deletes its data. */
  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#dataDir, { recursive: true, force: true });
    dataDirs.delete(this.#dataDir);
  }

  async #spawn(): Promise<void> {
    const { args, env } = this.kind.command(this.#dataDir);
    const flags = [
      ...(this.#isInspected ? ['--inspect=127.0.0.1:0'] : []),
      ...(profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]),
    ];
    this.#lastWords = '';
    const child = spawn(process.execPath, [...flags, ...args], {
      env: { ...process.env, NODE_ENV: 'production', ...env, ...this.#env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.stderr.on('data', (chunk: Buffer) => {
      const url = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(chunk.toString());
      if (url !== null) this.#inspectorUrl = url[0];
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2_000);
    });
    this.#url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => {
        reject(new Error(`${this.kind.label} printed no URL within ${START_TIMEOUT_MS} ms`));
      }, START_TIMEOUT_MS);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(
          new Error(`${this.kind.label} ended (${String(code ?? signal)}): ${this.#lastWords}`),
        );
      });
      // Read to the end even after the URL: a full pipe would stop the server.
      child.stdout.on('data', (chunk: Buffer) => {
        if (said.length > 4_096) return;
        said += chunk.toString();
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
        if (url === null) return;
        clearTimeout(timer);
        resolve(url[0]);
      });
    });
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
}
