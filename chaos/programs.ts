/** How the programs of a cluster are started on loopback: a node, a Redis, an HAProxy. */
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { haproxyConfig, type ProxiedNode } from './haproxy-config.ts';
import { findProgram, type ProcessSpec } from './processes.ts';

export const NODE_MAIN: string = fileURLToPath(new URL('../server/main.js', import.meta.url));
const CLI_MAIN = fileURLToPath(new URL('../server/cli/main.js', import.meta.url));
/** A node drains for 10 s (DRAIN_TIMEOUT_MS) at most. */
const NODE_END_TIMEOUT_MS = 15_000;
const END_TIMEOUT_MS = 3_000;
/** Enough for a machine to try things on; HAProxy wants file descriptors for all of them at its start. */
const CONNECTIONS_MAX = 4_000;

export type Env = Readonly<Record<string, string>>;

/** A program that has to be installed first: the message says how. */
export class MissingProgram extends Error {
  override readonly name = 'MissingProgram';
}

const PACKAGES = ['redis-server', 'haproxy'] as const;
type Program = (typeof PACKAGES)[number];

/** @throws MissingProgram that names all that are missing */
export function requirePrograms(): Readonly<Record<Program, string>> {
  return required(PACKAGES);
}

/** @throws MissingProgram */
export function requireRedis(): string {
  return required(['redis-server'])['redis-server'];
}

function required<Name extends Program>(names: readonly Name[]): Readonly<Record<Name, string>> {
  const found = names.map((name) => ({ name, path: findProgram(name) }));
  const missing = found.filter(({ path }) => path === null).map(({ name }) => name);
  if (missing.length > 0) {
    throw new MissingProgram(
      `This needs ${missing.join(' and ')}. Install: apt-get install -y --no-install-recommends ${missing.join(' ')} (or your system's packages of these names).`,
    );
  }
  if (!existsSync(NODE_MAIN)) throw new MissingProgram('Not built yet: npm run build');
  return Object.fromEntries(found.map(({ name, path }) => [name, path])) as Record<Name, string>;
}

/** `main`: another build's server/main.js. */
export function nodeProgram(
  name: string,
  port: number,
  env: Env,
  main: string = NODE_MAIN,
): ProcessSpec {
  return {
    name,
    command: process.execPath,
    args: [main],
    // As `npm start` and the container image do: docs/OPERATIONS.md, Capacity.
    env: { MALLOC_MMAP_THRESHOLD_: '131072', HOST: '127.0.0.1', PORT: `${port}`, ...env },
    isReady: (line) => line.startsWith('http://'),
    endSignal: 'SIGTERM',
    endTimeoutMs: NODE_END_TIMEOUT_MS,
  };
}

export function redisProgram(command: string, name: string, port: number): ProcessSpec {
  const where = ['--bind', '127.0.0.1', '--port', `${port}`];
  // Messages only, and counts that may be lost: nothing of it belongs on a disk.
  const nothingOnDisk = ['--save', '', '--appendonly', 'no'];
  return {
    name,
    command,
    args: [...where, ...nothingOnDisk, '--loglevel', 'notice'],
    isReady: (line) => line.includes('Ready to accept connections'),
    endSignal: 'SIGTERM',
    endTimeoutMs: END_TIMEOUT_MS,
  };
}

export interface ProxyProgram {
  readonly command: string;
  readonly name: string;
  readonly port: number;
  readonly nodes: readonly ProxiedNode[];
  /** The configuration is written there. */
  readonly folder: string;
}

export function proxyProgram({ command, name, port, nodes, folder }: ProxyProgram): ProcessSpec {
  const file = join(folder, `${name}.cfg`);
  const bind = `127.0.0.1:${port}`;
  writeFileSync(
    file,
    haproxyConfig({
      bind,
      nodes,
      looksUpNames: false,
      operationsBind: null,
      connectionsMax: CONNECTIONS_MAX,
    }),
  );
  return {
    name,
    command,
    // In the foreground, one process: a signal reaches all of it.
    args: ['-db', '-f', file],
    isReady: { ask: async () => await accepts(port) },
    endSignal: 'SIGTERM',
    endTimeoutMs: END_TIMEOUT_MS,
  };
}

/** Mints a token with the key of `env`: the command that operators use. */
export function tokenProgram(access: 'write' | 'admin', user: string, env: Env): ProcessSpec {
  return {
    name: `token of ${user}`,
    command: process.execPath,
    args: [CLI_MAIN, 'token', '--doc', '*', '--access', access, '--user', user, '--expires', '12h'],
    env,
    isReady: (line) => line.split('.').length === 3,
    endSignal: 'SIGTERM',
    endTimeoutMs: END_TIMEOUT_MS,
  };
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
