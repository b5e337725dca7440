/**
 * The bus port: how nodes reach each other, and how little they may rely on it.
 *
 * **What a publish promises.** Nothing about arrival. `accepted` means that the message was handed to the
 * transport; it may still be lost, and nobody is told. Anything else means that it certainly did not leave. No
 * outcome is an error of a client: whoever publishes has stored (or is storing) its data, and anti-entropy
 * brings it where it should be. [I4]
 *
 * **What arrives.** A message that one node publishes to one channel reaches each subscriber at most once for
 * each link that carries it, in the order of publishing, *while that link is up*. Across an outage messages
 * are lost; where two regions name the same Redis they come twice; a network between us and the transport may do
 * anything. Whoever listens must therefore survive loss, duplication and reordering (sequence numbers tell:
 * origin-tracker.ts), and must not take a message as proof of anything but itself. There is no order between
 * channels and none between origins.
 *
 * **Echo.** A node hears what it publishes to a channel that it subscribes to, like everybody else. An adapter
 * uses that by itself: it listens for its own probes, and a link on which they stay away for `ECHO_TIMEOUT_MS`
 * is `one-way` although both sockets look healthy.
 *
 * **Regions.** A node publishes to its own region's transport only, and listens to every region's. A cut
 * between two regions stops exactly the traffic between them, in the direction that was cut.
 *
 * **Channels.** Documents are spread over `BUCKETS` channels by a hash of their name, so that a cluster can
 * shard them and a node may listen to part of them; `EVERYONE` is heard by all nodes; each node has a channel of
 * its own for what concerns only it. The transport puts a prefix before them (tenants, tests).
 *
 * **Links.** Each region has one link, as this node sees it; see link.ts for the chart. After a link came `up`
 * the listener has missed an unknown number of messages and should compare notes with the others (a sync
 * round); the adapter reconnects and resubscribes by itself, for ever, and says `up` only when every subscription
 * is confirmed.
 *
 * **When callbacks run.** Never inside a call of this port; one after another; in order for one link. They must
 * return at once. What they throw is reported as `listener-failed`, and the next message is delivered: one
 * poisonous message must not silence a link.
 *
 * **Bounds.** A message has at most `MESSAGE_BYTES_MAX`; larger ones are neither sent nor delivered. What waits
 * for the transport is bounded in bytes; above that, messages are dropped, not queued: a queue would deliver
 * old news to peers that have synced meanwhile. Every drop is counted by reason, none is silent. [I6]
 *
 * Time and randomness are passed to adapters. The bus carries bytes: it never looks into a message.
 */

declare const brand: unique symbol;
export type Channel = string & { readonly [brand]: 'Channel' };

/**
 * Channels that documents are spread over. More than any sensible number of Redis shards, few enough that
 * listening to all of them is one short command. All nodes must agree on it: it is part of the protocol.
 */
export const BUCKETS = 64;
/** Envelope included. Redis cuts off subscribers that lag by megabytes, so nothing large may be published. */
export const MESSAGE_BYTES_MAX: number = 256 * 1024;
/** A link whose own probes are not heard for this long is `one-way`. */
export const ECHO_TIMEOUT_MS = 3_000;
const NODE_ID = /^[A-Za-z0-9_.-]{1,64}$/;

export const EVERYONE: Channel = 'all' as Channel;

/** Node ids and region names: what is safe in a channel name, a log line and a metric label. */
export function isName(text: string): boolean {
  return NODE_ID.test(text);
}

/** @throws RangeError for what is no bucket: our own mistake, never a peer's */
export function bucketChannel(bucket: number): Channel {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) {
    throw new RangeError(`${bucket} is no bucket`);
  }
  return `d${bucket}` as Channel;
}

export function documentChannel(document: string): Channel {
  return bucketChannel(bucketOf(document));
}

/** Requests to one node, and answers. @throws RangeError for an id that `isName` refuses */
export function nodeChannel(node: string): Channel {
  if (!isName(node)) throw new RangeError('not a node id');
  return `n/${node}` as Channel;
}

export function bucketOf(document: string): number {
  return hashOf(document) % BUCKETS;
}

/** 16 bits: FNV-1a over UTF-16 units with a final mix, so that names that differ at the end spread evenly. */
export function hashOf(document: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < document.length; index += 1) {
    hash = Math.imul(hash ^ document.charCodeAt(index), 0x0100_0193);
  }
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b_3c6d) >>> 16;
}

export type LinkStatus = 'up' | 'one-way' | 'down';

export type LinkReason =
  /** Not yet connected since the start. */
  | 'starting'
  | 'connected'
  /** The connection that hears was refused, reset or closed. */
  | 'connection-lost'
  /** The connection stands, but nothing comes any more: not even an answer to a ping. */
  | 'silent'
  /** Wrong password, no permission, loading, read-only: the transport's answer is in `detail`. */
  | 'refused'
  /** The connection that speaks is gone. */
  | 'publisher-lost'
  /** Own probes are not heard. */
  | 'no-echo'
  | 'closed';

export interface Link {
  readonly region: string;
  readonly status: LinkStatus;
  /** Of the clock that was passed in. */
  readonly sinceMs: number;
  readonly reason: LinkReason;
  /** For logs: an error code or the transport's words. Never holds an address with credentials. */
  readonly detail: string;
}

export interface Delivery {
  readonly channel: Channel;
  /** The region whose transport brought it: what the sender says about itself is in the envelope. */
  readonly region: string;
  /** Not to be changed. May be a view of a larger buffer: copy what is kept. */
  readonly bytes: Uint8Array;
}

export interface BusListener {
  onMessage(delivery: Delivery): void;
  /** Called for every change of status; `up` asks for a sync round. */
  onLink(link: Link): void;
}

export type BusDrop =
  /** Over `MESSAGE_BYTES_MAX`, going out or coming in. */
  | 'too-large'
  /** The transport does not keep up. */
  | 'queue-full'
  | 'not-connected'
  /** Accepted, and then refused by the transport or lost with its connection. */
  | 'publish-failed'
  /** Arrived on a channel of no known shape. */
  | 'unknown-channel';

export type PublishOutcome = 'accepted' | 'too-large' | 'queue-full' | 'not-connected';

/** For logs and metrics; must not throw and must return at once. */
export interface BusObserver {
  readonly onDrop?: (reason: BusDrop, bytes: number) => void;
  readonly onListenerFailed?: (error: unknown) => void;
}

export interface BusQueue {
  readonly messages: number;
  readonly bytes: number;
}

/** Counters: plain numbers, read by the metrics when somebody asks. */
export class BusStats {
  published = 0;
  publishedBytes = 0;
  received = 0;
  receivedBytes = 0;
  /** Times that a connection was made again, by link. */
  reconnects = 0;
  /** The transport said that nobody listened: normal for a node that is alone. Says nothing about arrival. */
  noReceiver = 0;
  readonly dropped: Record<BusDrop, number> = {
    'too-large': 0,
    'queue-full': 0,
    'not-connected': 0,
    'publish-failed': 0,
    'unknown-channel': 0,
  };
}

export interface Bus {
  readonly node: string;
  /** This node's own region. */
  readonly region: string;
  /** One for each region, the own one first. */
  readonly links: readonly Link[];
  readonly stats: BusStats;
  /** What was accepted and is not yet with the transport. */
  readonly queue: BusQueue;

  /** Starts connecting; returns at once. Once, first. */
  open(listener: BusListener): void;

  /** The bytes must not be changed afterwards. Never throws, never waits. */
  publish(channel: Channel, bytes: Uint8Array): PublishOutcome;

  /**
   * Listens to channels from now on, on every link, across reconnects. Resolves when every link that hears has
   * confirmed (or has gone down meanwhile: then its next `up` includes them); never rejects.
   */
  subscribe(channels: readonly Channel[]): Promise<void>;

  unsubscribe(channels: readonly Channel[]): void;

  /** Hands over what was accepted, if the transport takes it in time, and lets go of everything. Last. */
  close(deadlineMs: number): Promise<void>;
}
