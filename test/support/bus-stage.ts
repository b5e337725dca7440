/**
 * Servers, links and nodes of one bus test, all gone when it ends. Made from the test's own context, so that tests
 * may run side by side: most of their time is waiting for something to be noticed.
 */
import type { TestContext } from 'vitest';
import type { LinkProxy } from '../../chaos/proxies/link-proxy.ts';
import { BusNode, type BusNodeOptions } from './bus-node.ts';
import { linkTo } from './link.ts';
import { RedisProcess } from './redis-process.ts';

export class BusStage {
  readonly #onFinished: TestContext['onTestFinished'];

  constructor({ onTestFinished }: TestContext) {
    this.#onFinished = onTestFinished;
  }

  async redis(...settings: string[]): Promise<RedisProcess> {
    const redis = await RedisProcess.start(settings);
    this.#onFinished(async () => {
      redis.resume();
      await redis.end();
    });
    return redis;
  }

  async proxyTo(redis: RedisProcess): Promise<LinkProxy> {
    const proxy = await linkTo(redis.port);
    this.#onFinished(async () => {
      await proxy.close();
    });
    return proxy;
  }

  /** Does not wait for its links. */
  start(options: BusNodeOptions): BusNode {
    const node = new BusNode(options);
    this.#onFinished(async () => {
      await node.bus.close(100);
    });
    return node;
  }

  /** Resolves when all links are up. */
  async open(options: BusNodeOptions): Promise<BusNode> {
    const node = this.start(options);
    await node.untilUp();
    return node;
  }

  /** Calls `work` every few milliseconds until the test ends. */
  repeat(work: () => void): void {
    const timer = setInterval(work, 5);
    this.#onFinished(() => {
      clearInterval(timer);
    });
  }
}
