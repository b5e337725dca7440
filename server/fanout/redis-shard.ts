/**
 * One Redis server of a region: the whole of it, or a master of a cluster. A subscriber, a publisher (in the own
 * region only), the probe that goes out on one and must come back on the other, and the state of the link.
 */
import type { Channel, LinkReason } from './bus.ts';
import type { Ledger } from './ledger.ts';
import { LinkState, type LinkView } from './link.ts';
import type { RedisAddress } from './redis-address.ts';
import { BEAT_MS } from './redis-connection.ts';
import { RedisPublisher } from './redis-publisher.ts';
import { RedisSubscriber } from './redis-subscriber.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';

/** What all connections of a bus share. */
export interface RedisContext {
  readonly node: string;
  /** Tells this bus from another that claims the same node id: only its own probes are an echo. */
  readonly token: Uint8Array;
  readonly timers: Timers;
  readonly random: () => number;
  readonly queueBytesMax: number;
  readonly ledger: Ledger;
}

export interface RedisShardOptions {
  readonly context: RedisContext;
  readonly address: RedisAddress;
  readonly isSharded: boolean;
  /** Whether this node publishes here. */
  readonly speaks: boolean;
  /** A channel of this server, for probes. */
  readonly probeName: string;
  onMessage(channel: Channel, bytes: Buffer): void;
  onStatus(): void;
  onMoved(): void;
}

/** What probes are wanted under; nobody else publishes there. */
const PROBE = '' as Channel;

export class RedisShard {
  readonly address: RedisAddress;
  readonly publisher: RedisPublisher | null;
  readonly #subscriber: RedisSubscriber;
  readonly #options: RedisShardOptions;
  readonly #state: LinkState;
  #beat: TimerHandle | null = null;

  constructor(options: RedisShardOptions) {
    const { context, address, isSharded, speaks, probeName } = options;
    const { timers, random, ledger, queueBytesMax, node } = context;
    this.#options = options;
    this.address = address;
    this.#state = new LinkState(speaks, timers.now());
    const onMoved = (): void => {
      options.onMoved();
    };
    this.#subscriber = new RedisSubscriber({
      address,
      name: `syncline-${node}-hear`,
      isSharded,
      random,
      onSubscribed: () => {
        this.#told(this.#state.subscribed(timers.now()));
        this.#probe();
      },
      onLost: (reason, detail) => {
        this.#onLost(reason, detail);
      },
      onMoved,
      onMessage: (channel, bytes) => {
        this.#onMessage(channel, bytes);
      },
    });
    this.publisher = !speaks
      ? null
      : new RedisPublisher({
          address,
          name: `syncline-${node}-speak`,
          isSharded,
          random,
          queueBytesMax,
          ledger,
          onReady: () => {
            this.#state.publisherReady(timers.now());
            this.#probe();
          },
          onLost: (_reason, detail) => {
            this.#told(this.#state.publisherLost(detail, timers.now()));
          },
          onMoved,
        });
    if (speaks) void this.#subscriber.subscribe(new Map([[probeName, PROBE]]));
  }

  get view(): LinkView {
    return this.#state.view;
  }

  /** Names subscribed here, without the probe's. */
  get names(): readonly string[] {
    return [...this.#subscriber.names.keys()].filter((name) => name !== this.#options.probeName);
  }

  open(): void {
    this.#subscriber.connection.open();
    this.publisher?.connection.open();
    this.#scheduleBeat();
  }

  async subscribe(channels: ReadonlyMap<string, Channel>): Promise<void> {
    await this.#subscriber.subscribe(channels);
  }

  unsubscribe(names: readonly string[]): void {
    this.#subscriber.unsubscribe(names.filter((name) => this.#subscriber.has(name)));
  }

  async drained(): Promise<void> {
    await this.publisher?.drained();
  }

  close(): void {
    if (this.#beat !== null) this.#options.context.timers.clearTimeout(this.#beat);
    this.#beat = null;
    this.#subscriber.connection.close();
    this.publisher?.connection.close();
    this.#state.lost('closed', '', this.#options.context.timers.now());
  }

  #onLost(reason: LinkReason, detail: string): void {
    const { timers, ledger } = this.#options.context;
    if (this.#state.view.status !== 'down') ledger.stats.reconnects += 1;
    this.#told(this.#state.lost(reason, detail, timers.now()));
  }

  #onMessage(channel: Channel | null, bytes: Buffer): void {
    const { context } = this.#options;
    if (channel === null) context.ledger.drop('unknown-channel', bytes.length);
    else if (channel !== PROBE) this.#options.onMessage(channel, bytes);
    else if (bytes.equals(context.token)) {
      this.#told(this.#state.echoed(context.timers.now()));
    }
  }

  #scheduleBeat(): void {
    const { timers } = this.#options.context;
    const handle = timers.setTimeout(() => {
      this.#subscriber.connection.beat();
      this.#probe();
      this.#told(this.#state.tick(timers.now()));
      this.#scheduleBeat();
    }, BEAT_MS);
    this.#beat = handle;
  }

  #probe(): void {
    this.publisher?.probe(this.#options.probeName, this.#options.context.token);
  }

  #told(hasChanged: boolean): void {
    if (hasChanged) this.#options.onStatus();
  }
}
