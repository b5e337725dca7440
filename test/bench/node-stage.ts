/** Several nodes of one kind over a Redis of their own, for one run: all gone when it ends. */
import { RedisProcess } from '../support/redis-process.ts';
import type { LinkProxy } from '../../chaos/proxies/link-proxy.ts';
import { linkTo } from '../support/link.ts';
import { cpuMs } from './process-stats.ts';
import { RunningServer, type ServerKind } from './servers.ts';

export class NodeStage {
  readonly kind: ServerKind;
  readonly nodes: RunningServer[] = [];
  readonly #proxies: LinkProxy[] = [];
  #redis: RedisProcess | null = null;

  constructor(kind: ServerKind) {
    this.kind = kind;
  }

  /** Resolves when the node listens. `redisUrl`: not the Redis itself, but a way to it. */
  async node(
    env: Readonly<Record<string, string>> = {},
    redisUrl?: string,
  ): Promise<RunningServer> {
    const redis = await this.redis();
    const node = await RunningServer.start(this.kind, false, {
      REDIS_URL: redisUrl ?? redis.url,
      ...env,
    });
    this.nodes.push(node);
    return node;
  }

  async redis(): Promise<RedisProcess> {
    this.#redis ??= await RedisProcess.start();
    return this.#redis;
  }

  /** A link to the Redis that can be cut. */
  async link(): Promise<LinkProxy> {
    const { port } = await this.redis();
    const proxy = await linkTo(port);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** CPU of all nodes so far, without Redis: milliseconds. */
  get cpuMs(): number {
    return this.nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  }

  /** CPU of Redis so far: milliseconds. */
  get redisCpuMs(): number {
    const pid = this.#redis?.pid ?? 0;
    return pid === 0 ? 0 : cpuMs(pid);
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await this.#redis?.end();
  }
}
