/**
 * The listening connection of one Redis server: subscribes to what is wanted every time it connects, and says so
 * only when all of it is confirmed. In a cluster channels are sharded, and a server that does not own one says MOVED.
 */
import type { Channel, LinkReason } from './bus.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisAddress } from './redis-address.ts';

export interface RedisSubscriberOptions {
  readonly address: RedisAddress;
  readonly name: string;
  readonly isSharded: boolean;
  readonly random: () => number;
  /** Everything wanted is subscribed. */
  onSubscribed(): void;
  onLost(reason: LinkReason, detail: string): void;
  /** A channel lives elsewhere by now. */
  onMoved(): void;
  /** `channel`: the one the name was wanted for; null for a name that nobody asked for. */
  onMessage(channel: Channel | null, bytes: Buffer): void;
}

export class RedisSubscriber {
  readonly connection: RedisConnection;
  readonly #options: RedisSubscriberOptions;
  /** Redis' name of a channel to ours. */
  readonly #wanted = new Map<string, Channel>();
  /** Some of what was confirmed is gone, and ioredis does not say which. */
  #isInDoubt = false;

  constructor(options: RedisSubscriberOptions) {
    this.#options = options;
    const { address, name, random } = options;
    this.connection = new RedisConnection({
      address,
      name,
      random,
      onReady: () => {
        void this.#subscribeAll();
      },
      onLost: (reason, detail) => {
        options.onLost(reason, detail);
      },
    });
    const { client } = this.connection;
    const onMessage = (name_: Buffer, bytes: Buffer): void => {
      options.onMessage(this.#wanted.get(name_.toString()) ?? null, bytes);
    };
    client.on(options.isSharded ? 'smessageBuffer' : 'messageBuffer', onMessage);
    client.on('moved', () => {
      // Redis took subscriptions away because their slot is changing hands; it may even come back here.
      this.#isInDoubt = true;
      options.onMoved();
    });
  }

  has(name: string): boolean {
    return this.#wanted.has(name);
  }

  get names(): ReadonlyMap<string, Channel> {
    return this.#wanted;
  }

  /** Resolves when it is confirmed, or when the connection is away (its return includes it); never rejects. */
  async subscribe(channels: ReadonlyMap<string, Channel>): Promise<void> {
    for (const [name, channel] of channels) this.#wanted.set(name, channel);
    if (!this.connection.isReady) return;
    const names = this.#isInDoubt ? this.#wanted.keys() : channels.keys();
    this.#isInDoubt = false;
    try {
      await this.#send([...names]);
    } catch (error) {
      this.#onRefused(error);
    }
  }

  unsubscribe(names: readonly string[]): void {
    for (const name of names) this.#wanted.delete(name);
    if (!this.connection.isReady || names.length === 0) return;
    const { client } = this.connection;
    // Failing means that the connection is gone, and the subscription with it.
    if (this.#options.isSharded) {
      for (const name of names) client.sunsubscribe(name).catch(() => undefined);
    } else {
      client.unsubscribe(...names).catch(() => undefined);
    }
  }

  async #subscribeAll(): Promise<void> {
    const { losses } = this.connection;
    try {
      await this.#send([...this.#wanted.keys()]);
      if (!this.connection.isReady || losses !== this.connection.losses) return;
      this.connection.proven();
      this.#options.onSubscribed();
    } catch (error) {
      if (losses === this.connection.losses) this.#onRefused(error);
    }
  }

  async #send(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { client } = this.connection;
    if (this.#options.isSharded) {
      // One command takes channels of one slot only.
      await Promise.all(names.map((name) => client.ssubscribe(name)));
    } else {
      await client.subscribe(...names);
    }
  }

  #onRefused(error: unknown): void {
    if (error instanceof Error && error.message.startsWith('MOVED ')) this.#options.onMoved();
    // Half subscribed is worse than away: what is missing would be missing silently.
    this.connection.renew(error);
  }
}
