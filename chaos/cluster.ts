/**
 * A cluster on loopback, of plain processes: regions with a Redis, nodes and an HAProxy each, wired as compose.yaml
 * wires containers. It starts in the order in which they need one another and ends the other way round; every
 * process keeps its addresses when it is killed and started again. Nothing of it outlives the process that
 * started it (guard.ts).
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guard } from './guard.ts';
import { freePorts, WatchedProcess, type ProcessObserver } from './processes.ts';
import {
  nodeProgram,
  proxyProgram,
  redisProgram,
  requirePrograms,
  tokenProgram,
  type Env,
} from './programs.ts';

const REGION_NAMES = ['eu', 'us', 'ap', 'sa', 'ca', 'af', 'me', 'in', 'jp', 'au'] as const;
export const REGIONS_MAX: number = REGION_NAMES.length;
export const NODES_MAX = 16;
/** Ports of a region, with `basePort`: HAProxy, then the nodes, last the Redis. */
export const PORTS_PER_REGION = 20;
const SECRET_BYTES = 48;

export interface ClusterOptions {
  readonly regions: number;
  /** In each region. */
  readonly nodes: number;
  /** Free ports without one. */
  readonly basePort?: number;
  /** Without one: a temporary folder, removed at the end. */
  readonly dataDir?: string;
  /** Tokens are needed; `tokens` has two. */
  readonly hasAccess?: boolean;
  /** For every node, over what the environment says. */
  readonly env?: Env;
}

export interface Region {
  readonly name: string;
  readonly redis: WatchedProcess;
  readonly redisUrl: string;
  readonly nodes: readonly { readonly process: WatchedProcess; readonly url: string }[];
  readonly proxy: WatchedProcess;
  /** Through HAProxy. */
  readonly url: string;
}

export interface Tokens {
  /** Writes any document. */
  readonly write: string;
  /** For operators. */
  readonly admin: string;
}

interface Ports {
  readonly proxy: number;
  readonly nodes: readonly number[];
  readonly redis: number;
}

export class Cluster {
  readonly regions: readonly Region[];
  readonly #guard: Guard;
  readonly #observer: ProcessObserver;
  readonly #accessEnv: Env | null;
  #tokens: Tokens | null = null;

  private constructor(options: ClusterOptions, ports: readonly Ports[], observer: ProcessObserver) {
    const programs = requirePrograms();
    this.#guard = new Guard();
    this.#observer = observer;
    this.#accessEnv = options.hasAccess === true ? accessEnv() : null;
    const folder = mkdtempSync(join(tmpdir(), 'syncline-cluster-'));
    this.#guard.watchFolder(folder);
    const dataDir = options.dataDir ?? join(folder, 'data');
    const redisUrls = ports.map(({ redis }) => `redis://127.0.0.1:${redis}`);

    this.regions = ports.map((own, index) => {
      const name = nameOf(index);
      const others = redisUrls
        .map((url, other) => ({ region: nameOf(other), url }))
        .filter(({ region }) => region !== name);
      const nodes = own.nodes.map((port, position) => {
        const id = `${name}-${position + 1}`;
        const nodeFolder = join(dataDir, id);
        mkdirSync(nodeFolder, { recursive: true });
        const env: Env = {
          NODE_ID: id,
          REGION: name,
          DATA_DIR: nodeFolder,
          REDIS_URL: redisUrls[index] ?? '',
          REGIONS: others.map(({ region, url }) => `${region}=${url}`).join(','),
          TRUST_PROXY: '1',
          ...this.#accessEnv,
          ...options.env,
        };
        return {
          process: this.#watched(nodeProgram(id, port, env)),
          url: `http://127.0.0.1:${port}`,
        };
      });
      const proxied = nodes.map(({ process: { name: id }, url }) => ({
        name: id,
        address: url.replace('http://', ''),
      }));
      return {
        name,
        nodes,
        redis: this.#watched(redisProgram(programs['redis-server'], `${name}-redis`, own.redis)),
        redisUrl: redisUrls[index] ?? '',
        proxy: this.#watched(
          proxyProgram({
            command: programs.haproxy,
            name: `${name}-haproxy`,
            port: own.proxy,
            nodes: proxied,
            folder,
          }),
        ),
        url: `http://127.0.0.1:${own.proxy}`,
      };
    });
  }

  /** @throws MissingProgram; and whatever a program said that did not start, after everything else was ended */
  static async start(options: ClusterOptions, observer: ProcessObserver = {}): Promise<Cluster> {
    const cluster = new Cluster(options, await portsOf(options), observer);
    try {
      await cluster.#startAll();
    } catch (error) {
      await cluster.kill();
      throw error;
    }
    return cluster;
  }

  /** Null without access control. */
  get tokens(): Tokens | null {
    return this.#tokens;
  }

  /** Of everything that runs, the guard aside. */
  get processes(): readonly WatchedProcess[] {
    return this.regions.flatMap(({ redis, nodes, proxy }) => [
      redis,
      ...nodes.map(({ process: node }) => node),
      proxy,
    ]);
  }

  /** In order: proxies, nodes (which drain), Redis servers. */
  async end(): Promise<void> {
    const { regions } = this;
    await endAll(regions.map(({ proxy }) => proxy));
    await endAll(regions.flatMap(({ nodes }) => nodes.map(({ process: node }) => node)));
    await endAll(regions.map(({ redis }) => redis));
    await this.#guard.end();
  }

  /** At once. */
  async kill(): Promise<void> {
    await Promise.all(this.processes.map(async (process) => await process.kill()));
    await this.#guard.end();
  }

  async #startAll(): Promise<void> {
    const { regions } = this;
    await startAll(regions.map(({ redis }) => redis));
    await startAll(regions.flatMap(({ nodes }) => nodes.map(({ process: node }) => node)));
    await startAll(regions.map(({ proxy }) => proxy));
    if (this.#accessEnv !== null) {
      const env = this.#accessEnv;
      const [write, admin] = await Promise.all([
        this.#mint('write', 'writer', env),
        this.#mint('admin', 'operator', env),
      ]);
      this.#tokens = { write, admin };
    }
  }

  async #mint(access: 'write' | 'admin', user: string, env: Env): Promise<string> {
    let token = '';
    const program = tokenProgram(access, user, env);
    const minting = new WatchedProcess(program, this.#guard, {
      onLine: (_name, line) => {
        if (line.split('.').length === 3) token = line;
      },
    });
    await minting.start();
    return token;
  }

  #watched(spec: ConstructorParameters<typeof WatchedProcess>[0]): WatchedProcess {
    return new WatchedProcess(spec, this.#guard, this.#observer);
  }
}

function nameOf(region: number): string {
  return REGION_NAMES[region] ?? `region-${region + 1}`;
}

function secret(): string {
  return randomBytes(SECRET_BYTES).toString('base64');
}

function accessEnv(): Env {
  return { AUTH: 'jwt', JWT_SECRET: secret(), BUS_SECRET: secret() };
}

async function startAll(processes: readonly WatchedProcess[]): Promise<void> {
  await Promise.all(processes.map(async (process) => await process.start()));
}

async function endAll(processes: readonly WatchedProcess[]): Promise<void> {
  await Promise.all(processes.map(async (process) => await process.end()));
}

async function portsOf({ regions, nodes, basePort }: ClusterOptions): Promise<Ports[]> {
  const perRegion = nodes + 2;
  const free = basePort === undefined ? await freePorts(regions * perRegion) : [];
  return Array.from({ length: regions }, (_, region) => {
    const [proxy = 0, ...others] =
      basePort === undefined
        ? free.slice(region * perRegion, (region + 1) * perRegion)
        : Array.from(
            { length: nodes + 1 },
            (_unused, i) => basePort + region * PORTS_PER_REGION + i,
          );
    if (basePort === undefined) {
      return { proxy, nodes: others.slice(0, nodes), redis: others[nodes] ?? 0 };
    }
    return { proxy, nodes: others, redis: basePort + (region + 1) * PORTS_PER_REGION - 1 };
  });
}
