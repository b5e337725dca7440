/**
 * The speaking connection to one Redis server. What is under way is bounded in bytes and counted until Redis has
 * answered; when the connection goes, it is lost and counted as dropped. Nothing waits for the next connection:
 * peers that were cut off compare notes when they are back, and old messages would only be in their way.
 */
import type { Writable } from 'node:stream';
import type { BusQueue, LinkReason, PublishOutcome } from './bus.ts';
import { atEndOfTurn } from '../rooms/turn.ts';
import type { Ledger } from './ledger.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisAddress } from './redis-address.ts';

export interface RedisPublisherOptions {
  readonly address: RedisAddress;
  readonly name: string;
  readonly isSharded: boolean;
  readonly random: () => number;
  readonly queueBytesMax: number;
  readonly ledger: Ledger;
  onReady(): void;
  onLost(reason: LinkReason, detail: string): void;
  /** The channel lives elsewhere by now. */
  onMoved(): void;
}

/** What a command under way costs beside its bytes: many messages are small. */
const COMMAND_BYTES = 512;

export class RedisPublisher {
  readonly connection: RedisConnection;
  readonly #options: RedisPublisherOptions;
  #messages = 0;
  #bytes = 0;
  #onEmpty: (() => void) | null = null;
  #isCollecting = false;

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
    const { address, name, random } = options;
    this.connection = new RedisConnection({
      address,
      name,
      random,
      onReady: () => {
        this.connection.proven();
        options.onReady();
      },
      onLost: (reason, detail) => {
        options.onLost(reason, detail);
      },
    });
  }

  get queue(): BusQueue {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  publish(name: string, bytes: Uint8Array): PublishOutcome {
    const { ledger, queueBytesMax } = this.#options;
    const { length } = bytes;
    const cost = length + COMMAND_BYTES;
    if (!this.connection.isReady) return ledger.drop('not-connected', length);
    if (this.#bytes + cost > queueBytesMax) return ledger.drop('queue-full', length);
    this.#messages += 1;
    this.#bytes += cost;
    this.#send(name, bytes).then(
      (receivers) => {
        if (receivers === 0) ledger.stats.noReceiver += 1;
        this.#settle(cost);
      },
      (error: unknown) => {
        ledger.drop('publish-failed', length);
        if (error instanceof Error && error.message.startsWith('MOVED ')) this.#options.onMoved();
        this.#settle(cost);
      },
    );
    return ledger.accept(length);
  }

  /** Outside of all counts. An error shows as a missing echo. */
  probe(name: string, bytes: Uint8Array): void {
    if (this.connection.isReady) this.#send(name, bytes).catch(() => undefined);
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    if (this.#messages === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #send(name: string, bytes: Uint8Array): Promise<number> {
    const { client } = this.connection;
    this.#collect(client.stream);
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!this.#options.isSharded) return client.publish(name, message);
    return client.spublish(name, message) as Promise<number>;
  }

  /**
   * What is published in one turn of the event loop (many rooms flush in one) leaves in one system call, which is half
   * of what a small message costs. Under load turns get longer, and so do the collections.
   */
  #collect(stream: Pick<Writable, 'cork' | 'uncork'>): void {
    if (this.#isCollecting) return;
    this.#isCollecting = true;
    stream.cork();
    atEndOfTurn(() => {
      this.#isCollecting = false;
      stream.uncork();
    });
  }

  #settle(bytes: number): void {
    this.#messages -= 1;
    this.#bytes -= bytes;
    if (this.#messages === 0) this.#onEmpty?.();
  }
}
