/**
 * Nodes and Redis servers of one test, in processes of their own, all gone when it ends. Made from the test's own
 * context, so that tests may run side by side: most of their time is waiting for something to be noticed.
 */
import type { TestContext } from 'vitest';
import * as Y from 'yjs';
import { BusStage } from './bus-stage.ts';
import { Stopwatch } from './cpu-wait.ts';
import { NodeProcess } from './node-process.ts';
import type { RedisProcess } from './redis-process.ts';
import type { Sabotage } from './sabotage.ts';
import { SelectiveProxy, type Loses } from './selective-proxy.ts';
import { SyncClient, type SyncClientOptions } from './sync-client.ts';
import { tempDir } from './temp-dir.ts';
import { waitUntil } from './wait-until.ts';

/** Whatever the machine does meanwhile: what is promised is counted without that. */
const PATIENCE_MS = 15_000;
/** Between two looks that ask a node: asking is work. */
const LOOK_MS = 20;

export interface StagedNode {
  readonly id: string;
  readonly redisUrl: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly sabotage?: Sabotage;
  readonly port?: number;
}

export class ClusterStage extends BusStage {
  readonly #context: TestContext;
  readonly #pids: (() => number)[] = [() => process.pid];
  readonly #nodes: NodeProcess[] = [];

  constructor(context: TestContext) {
    super(context);
    this.#context = context;
  }

  /** Of the test and of everything of the stage that runs. */
  get pids(): readonly number[] {
    return this.#pids.map((pid) => pid()).filter((pid) => pid !== 0);
  }

  onFinished(work: () => void | Promise<void>): void {
    this.#context.onTestFinished(work);
  }

  folder(): string {
    return tempDir(this.#context.onTestFinished);
  }

  override async redis(...settings: string[]): Promise<RedisProcess> {
    const redis = await super.redis(...settings);
    this.#pids.push(() => redis.pid);
    return redis;
  }

  async selectiveProxyTo(redis: RedisProcess, loses: Loses): Promise<SelectiveProxy> {
    const proxy = await SelectiveProxy.start(redis.port, loses);
    this.onFinished(async () => {
      await proxy.close();
    });
    return proxy;
  }

  async node(staged: StagedNode): Promise<NodeProcess> {
    const { id, redisUrl, env, dataDir, sabotage, port } = staged;
    const node = await NodeProcess.start({
      dataDir: dataDir ?? this.folder(),
      env: { NODE_ID: id, REDIS_URL: redisUrl, ...env },
      onFinished: this.#context.onTestFinished,
      ...(sabotage === undefined ? {} : { sabotage }),
      ...(port === undefined ? {} : { port }),
    });
    this.#pids.push(() => node.pid);
    this.#nodes.push(node);
    return node;
  }

  /** Who says nothing of its own: nothing is healed by it. */
  client(node: NodeProcess, document: string, options?: SyncClientOptions): SyncClient {
    const client = new SyncClient(node.webSocketUrl, document, options);
    this.onFinished(() => {
      client.destroy();
    });
    return client;
  }

  /**
   * Waits until the condition holds; returns how long it took, without the time in which that process of the stage which
   * got the least of the cores was ready to run and had none: milliseconds.
   */
  async time(what: string, condition: () => boolean | Promise<boolean>): Promise<number> {
    const watch = new Stopwatch(this.pids);
    const look = async (): Promise<boolean> => {
      const holds = condition();
      if (typeof holds === 'boolean') return holds;
      if (await holds) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      return false;
    };
    try {
      await waitUntil(what, look, PATIENCE_MS);
    } catch (error) {
      for (const node of this.#nodes) await this.#context.annotate(await stateOf(node));
      throw error;
    }
    const { wallMs, starvedMs, tookMs } = watch;
    await this.#context.annotate(
      `${what}: ${wallMs.toFixed(0)} ms, ${starvedMs.toFixed(0)} ms of them without a core`,
    );
    return tookMs;
  }
}

/** For whoever has to find out why something did not heal. */
async function stateOf(node: NodeProcess): Promise<string> {
  try {
    const metrics = await (await fetch(`${node.url}/metrics`)).text();
    const lines = metrics.split('\n').filter((line) => /^(bus_|antientropy_|div)/.test(line));
    const counts = lines.filter((line) => !line.endsWith(' 0'));
    return [`${node.url} pid ${node.pid}`, ...counts, node.said].join('\n');
  } catch (error) {
    return `${node.url} pid ${node.pid}: ${String(error)} ${node.said}`;
  }
}

/** The same bytes for the same document, whoever has put it together and in whichever order. */
export function canonical(state: Uint8Array): string {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, state);
  const bytes = Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64');
  doc.destroy();
  return bytes;
}

export function canonicalOf(doc: Y.Doc): string {
  return canonical(Y.encodeStateAsUpdate(doc));
}

/** One sample of a node's metrics; 0 when it has no such metric (yet). `name` with its labels. */
export async function sample({ url }: { readonly url: string }, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((row) => row.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}
