/**
 * Messages over a bus: what rooms and anti-entropy talk to. Going out, a message gets its channel, its number
 * and an envelope. Coming in, it is verified, decoded and numbered off; what is malformed, foreign, misplaced,
 * forged or repeated is dropped and counted here, so that whoever listens sees only well-formed messages, each
 * at most once, and is told when something may have been missed.
 *
 * It says who *claims* to have sent a message; with `BUS_SECRET` the claim is worth as much as the secret.
 */
import type { Bus, BusListener, Channel, Delivery, Link, PublishOutcome } from './bus.ts';
import { decodeEnvelope, encodeEnvelope, isFrom, originBytes, type Epoch } from './envelope.ts';
import { channelOf, documentOf, type Message } from './messages.ts';
import { OriginTracker, type Verdict } from './origin-tracker.ts';
import { decodePayload, encodePayload } from './payloads.ts';

const ORIGINS_MAX = 1_024;

export interface Received {
  readonly origin: string;
  readonly epoch: Epoch;
  /** The sender's region, by its own word. */
  readonly region: string;
  readonly seq: number;
  readonly traceparent: string | null;
  readonly message: Message;
}

/** Why messages of an origin on a channel may have been missed: reason enough to compare digests with it. */
export interface Missed {
  readonly origin: string;
  readonly channel: Channel;
  readonly reason: 'first' | 'new-epoch' | 'gap' | 'stale';
}

export interface ExchangeListener {
  onMessage(received: Received): void;
  /** Called before the message that showed it is delivered. */
  onMissed(missed: Missed): void;
  onLink(link: Link): void;
}

export type ExchangeDrop =
  | 'malformed'
  | 'version'
  | 'auth'
  | 'too-large'
  /** Our own, as we hear everything that we say. Normal. */
  | 'echo'
  /** Our own node id, but not this start of ours: two nodes share a `NODE_ID`, or the last start still echoes. */
  | 'twin'
  /** On a channel that is not that of its document, its kind or its receiver. */
  | 'mismatch'
  | 'duplicate'
  | 'stale';

export interface Origin {
  readonly node: string;
  readonly epoch: Epoch;
  readonly region: string;
}

export interface ExchangeOptions {
  readonly bus: Bus;
  /** New at every start; see `newEpoch`. */
  readonly epoch: Epoch;
  /** `BUS_SECRET`, or null. */
  readonly secret: string | null;
  /** For logs; must not throw. `origin` is null where the message could not be read. */
  readonly onDrop?: (reason: ExchangeDrop, delivery: Delivery, origin: string | null) => void;
}

/** 64 bits from a source of randomness that is passed in. */
export function newEpoch(randomBytes: (length: number) => Uint8Array): Epoch {
  return Buffer.from(randomBytes(8)).toString('hex');
}

export class Exchange implements BusListener {
  readonly self: Origin;
  readonly dropped: Record<ExchangeDrop, number> = {
    malformed: 0,
    version: 0,
    auth: 0,
    'too-large': 0,
    echo: 0,
    twin: 0,
    mismatch: 0,
    duplicate: 0,
    stale: 0,
  };
  readonly tracker: OriginTracker = new OriginTracker(ORIGINS_MAX);
  /** Messages missing in sequences, counted when a gap shows. */
  gaps = 0;

  readonly #options: ExchangeOptions;
  readonly #ownBytes: Uint8Array;
  /** The last number given, by channel. Channels of other nodes share one: nobody counts on them. */
  readonly #seqs = new Map<string, number>();
  #listener: ExchangeListener | null = null;

  constructor(options: ExchangeOptions) {
    const { bus, epoch } = options;
    this.#options = options;
    this.#ownBytes = originBytes(bus.node, epoch);
    this.self = { node: bus.node, epoch, region: bus.region };
  }

  /** Opens the bus. Once, first. */
  open(listener: ExchangeListener): void {
    this.#listener = listener;
    this.#options.bus.open(this);
  }

  /**
   * Sends a message to whom it may concern. The number it got is returned with the outcome; it is used up even
   * when the message did not leave, so that the others notice. @throws RangeError for what could never be sent
   */
  send(
    message: Message,
    traceparent: string | null = null,
  ): { outcome: PublishOutcome; seq: number } {
    const { bus, secret } = this.#options;
    const channel = channelOf(message);
    const stream = streamOf(channel);
    const seq = (this.#seqs.get(stream) ?? 0) + 1;
    this.#seqs.set(stream, seq);
    const { node: origin, epoch, region } = this.self;
    const payload = encodePayload(message);
    const document = documentOf(message);
    const bytes = encodeEnvelope(
      { kind: message.kind, origin, epoch, region, seq, document, traceparent, payload },
      secret,
    );
    return { outcome: bus.publish(channel, bytes), seq };
  }

  onLink(link: Link): void {
    this.#listener?.onLink(link);
  }

  onMessage(delivery: Delivery): void {
    // Most of what a node hears may be itself: not worth verifying.
    if (isFrom(delivery.bytes, this.#ownBytes)) {
      return this.#drop('echo', delivery, this.self.node);
    }
    const decoded = decodeEnvelope(delivery.bytes, this.#options.secret);
    if (!decoded.ok) return this.#drop(decoded.reason, delivery, null);
    const { envelope } = decoded;
    const { kind, origin, epoch, region, seq, document, traceparent, payload } = envelope;
    if (origin === this.self.node) return this.#drop('twin', delivery, origin);
    const message = decodePayload(kind, document, payload);
    if (message === null) return this.#drop('malformed', delivery, origin);
    const { channel } = delivery;
    if (channelOf(message) !== channel || ('to' in message && message.to !== this.self.node)) {
      return this.#drop('mismatch', delivery, origin);
    }
    const stream = streamOf(channel);
    if (stream === channel) {
      const verdict = this.tracker.note(origin, epoch, stream, seq);
      if (verdict.kind === 'gap') this.gaps += verdict.missingTo - verdict.missingFrom + 1;
      const reason = missedBy(verdict);
      if (reason !== null) this.#listener?.onMissed({ origin, channel, reason });
      if (verdict.kind === 'duplicate' || verdict.kind === 'stale') {
        return this.#drop(verdict.kind, delivery, origin);
      }
    }
    this.#listener?.onMessage({ origin, epoch, region, seq, traceparent, message });
  }

  async close(deadlineMs: number): Promise<void> {
    await this.#options.bus.close(deadlineMs);
  }

  #drop(reason: ExchangeDrop, delivery: Delivery, origin: string | null): void {
    this.dropped[reason] += 1;
    this.#options.onDrop?.(reason, delivery, origin);
  }
}

/** Where numbers count. On a node's own channel they don't: requests are repeated anyway. */
function streamOf(channel: Channel): string {
  return channel.startsWith('n/') ? 'nodes' : channel;
}

function missedBy(verdict: Verdict): Missed['reason'] | null {
  switch (verdict.kind) {
    case 'first':
    case 'new-epoch':
    case 'gap':
    case 'stale':
      return verdict.kind;
    case 'in-order':
    case 'late':
    case 'duplicate':
      return null;
  }
}
