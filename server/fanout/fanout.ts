/**
 * The fan-out: what rooms of this node tell the other nodes and the other way round. It hears the exchange and
 * implements the rooms' `Relay`; each thing it does lies in a file of its own, and this one ties them together:
 *
 *   rooms ──flushed──▶ exchange ──▶ bus                        what local authors write, one message a flush
 *   bus ──▶ exchange ──update──▶ arrivals ─▶ inbox ──▶ rooms   checked, stored and shown; never sent on
 *            │         └heartbeat─▶ comparison ─want─▶ anti-entropy ─request─▶ one node
 *            └────────request──▶ answers ──reply, in pieces──▶ inbox
 *
 * Nothing here is waited for by a room, an ack or a client, but for the half second of a room that opens. [I4]
 */
import type { DocumentStore } from '../../persistence/store.ts';
import type { AccessControl } from '../access/access.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry, Relay, RelayedRun } from '../rooms/relay.ts';
import type { Registry } from '../rooms/registry.ts';
import type { Room } from '../rooms/room.ts';
import type { SnapshotReplica } from '../rooms/snapshot-replica.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';
import type { EditTrace, Tracing } from '../rooms/tracing.ts';
import { BUCKETS, EVERYONE, bucketChannel, nodeChannel, type Bus, type Link } from './bus.ts';
import { assemble, closeEngine, type Engine } from './engine.ts';
import type { Epoch } from './envelope.ts';
import { Exchange, type ExchangeListener, type Missed, type Received } from './exchange.ts';
import { FirstContact } from './first-contact.ts';
import { BEAT_MS } from './heartbeat.ts';
import { UPDATE_BYTES_MAX, type HeartbeatMessage } from './messages.ts';
import type { FanoutEvent, FanoutPart, MakePart, Peer, PeerChange } from './part.ts';
import { Peers, type ShownPeer } from './peers.ts';
import { merged } from './runs.ts';
import { FanoutStats } from './stats.ts';
import { publishing } from './traces.ts';

/** Of a room that opens, for what others have. */
const OPENING_WAIT_MS = 500;
/** For handing over the last messages. */
const GOODBYE_MS_MAX = 1_000;

export interface FanoutOptions {
  readonly bus: Bus;
  /** New at every start. */
  readonly epoch: Epoch;
  readonly secret: string | null;
  readonly timers: Timers;
  readonly random: () => number;
  /** Every node stores everything, or what is open on it. */
  readonly replication: 'full' | 'open';
  /** Of one update in an answer. */
  readonly updateBytesMax: number;
  /** Replicated acks, presence leases, the sweep: told of everything, in this order. */
  readonly parts: readonly MakePart[];
  /** Follows some edits; absent on a node without traces. */
  readonly tracing?: Tracing | null;
  readonly report: (event: FanoutEvent) => void;
  /** Only for the tests that prove that they would notice. */
  readonly sabotage?: FanoutSabotage;
}

export interface FanoutSabotage {
  readonly skipHeartbeat?: true;
}

/** What the fan-out works on; known once the node is put together. */
export interface FanoutHouse {
  readonly registry: Registry;
  readonly store: DocumentStore;
  readonly access: Pick<AccessControl, 'revocations' | 'revoke' | 'onRevoked'>;
  /** Absent: they stay on this node. */
  readonly snapshots?: SnapshotReplica;
}

export class Fanout implements Relay, ExchangeListener {
  readonly exchange: Exchange;
  readonly stats: FanoutStats = new FanoutStats();
  readonly #options: FanoutOptions;
  readonly #peers: Peers;
  readonly #firstContact: FirstContact;
  #parts: readonly FanoutPart[] = [];
  #engine: Engine | null = null;
  #tickTimer: TimerHandle | null = null;
  #isLeaving = false;

  constructor(options: FanoutOptions) {
    const { bus, epoch, secret, timers } = options;
    this.#options = options;
    this.exchange = new Exchange({
      bus,
      epoch,
      secret,
      onDrop: (reason, _delivery, origin) => {
        if (reason === 'twin' && origin !== null) options.report({ type: 'twin', node: origin });
      },
    });
    this.#peers = new Peers(timers);
    this.#firstContact = new FirstContact(timers);
  }

  /** Opens the bus; waits for nothing. Once, when the store is open and before anybody is served. */
  start(house: FanoutHouse): void {
    const { bus, parts } = this.#options;
    this.#firstContact.start();
    const engine = assemble({
      ...this.#options,
      ...house,
      exchange: this.exchange,
      stats: this.stats,
      peers: this.#peers,
      parts: () => this.#parts,
    });
    this.#engine = engine;
    this.#parts = parts.map((make) => make(engine.scene));
    engine.revocations.start();
    for (const part of this.#parts) part.start?.();
    this.exchange.open(this);
    const buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucketChannel(bucket));
    // Never rejects; what is not confirmed now is included when the link comes up.
    void bus.subscribe([EVERYONE, nodeChannel(bus.node), ...buckets]);
    this.#tick();
  }

  // ── rooms ────────────────────────────────────────────────────────────────────────────────────────────

  flushed(room: Room, runs: readonly RelayedRun[], traces: readonly EditTrace[] = []): void {
    const engine = this.#engine;
    if (engine === null || runs.length === 0) return;
    for (const { bytes, lastSeq } of merged(runs)) {
      if (bytes.length > UPDATE_BYTES_MAX) {
        // Others hear of its digest, and ask.
        engine.heartbeat.beatSoon();
        for (const part of this.#parts) part.onSent?.(room, { busSeq: null, storeSeq: lastSeq });
        continue;
      }
      const { name: document } = room;
      const previousSeq = engine.news.previousSeqOf(document);
      const message = { kind: 'update', document, previousSeq, update: bytes } as const;
      const trace = publishing(traces, { document, bytes: bytes.length, lastSeq });
      const { seq, outcome } = this.exchange.send(message, trace?.traceparent);
      trace?.end(outcome);
      engine.news.published(document, seq);
      this.stats.sent += 1;
      for (const part of this.#parts) part.onSent?.(room, { busSeq: seq, storeSeq: lastSeq });
    }
  }

  changed(room: Room): void {
    this.#engine?.news.changed(room);
  }

  durable(room: Room, durableSeq: number): void {
    for (const part of this.#parts) part.onDurable?.(room, durableSeq);
  }

  opened(room: Room): Promise<void> | null {
    for (const part of this.#parts) part.onOpened?.(room);
    const engine = this.#engine;
    if (engine === null || this.#isLeaving) return null;
    const isAlone = this.#peers.alive.length === 0;
    if (isAlone && this.#firstContact.isExpected) return this.#openingAlone(room);
    return engine.antiEntropy.opening(room, OPENING_WAIT_MS);
  }

  closed(room: Room): void {
    this.#engine?.news.closed(room);
    for (const part of this.#parts) part.onClosed?.(room);
  }

  presence(room: Room, entries: readonly PresenceEntry[], isComplete: boolean): void {
    for (const part of this.#parts) part.onPresence?.(room, entries, isComplete);
  }

  signal(room: Room, payload: Uint8Array): void {
    for (const part of this.#parts) part.onSignal?.(room, payload);
  }

  deleted(document: DocumentName, deletedAtMs: number): void {
    this.#engine?.news.deleted(document);
    if (this.#engine !== null) this.exchange.send({ kind: 'tombstone', document, deletedAtMs });
    for (const part of this.#parts) part.onDeleted?.(document);
  }

  // ── the bus ──────────────────────────────────────────────────────────────────────────────────────────

  onMessage(received: Received): void {
    const { message, origin } = received;
    if (this.#isLeaving) return;
    const change = this.#peers.hear(received);
    if (change !== null) this.#onPeer(received, change);
    switch (message.kind) {
      case 'update':
        this.#engine?.arrivals.onUpdate({ ...received, message });
        break;
      case 'heartbeat':
        this.#onHeartbeat(origin, message);
        break;
      case 'request':
        this.#engine?.answers.onRequest({ ...received, message });
        break;
      case 'reply':
        this.#engine?.antiEntropy.onReply({ ...received, message });
        break;
      case 'tombstone':
        this.#engine?.scene.bury(message.document, origin);
        break;
      case 'revoke':
        this.#engine?.revocations.onRevoke(message);
        break;
      case 'application':
        this.#engine?.arrivals.onApplication({ ...received, message });
        break;
      case 'presence':
      case 'durable':
      case 'buckets':
      case 'list-request':
      case 'list-reply':
      case 'snapshots':
      case 'snapshot-request':
      case 'snapshot-reply':
        break;
    }
    for (const part of this.#parts) part.onMessage?.(received);
  }

  onMissed({ reason }: Missed): void {
    // Which document it was shows in the chain of the next update, or in the next heartbeat. What claims to be old may
    // be a node that was set back: everybody tells what they have.
    if (reason === 'stale') this.#engine?.heartbeat.ask();
  }

  onLink(link: Link): void {
    this.#options.report({ type: 'link', link });
    if (link.status === 'up') {
      this.#engine?.antiEntropy.reset();
      this.#engine?.heartbeat.ask();
    }
    for (const part of this.#parts) part.onLink?.(link);
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────

  /** Says goodbye: nothing goes out afterwards. When the rooms have flushed. */
  leave(): void {
    if (this.#engine === null || this.#isLeaving) return;
    this.#isLeaving = true;
    if (this.#tickTimer !== null) this.#options.timers.clearTimeout(this.#tickTimer);
    for (const part of this.#parts) part.close?.();
    closeEngine(this.#engine);
    this.#firstContact.end();
    this.#engine = null;
  }

  /** Hands over what is under way to Redis, if it takes it in time. Last. */
  async close(deadlineMs: number): Promise<void> {
    this.leave();
    await this.exchange.close(Math.min(deadlineMs, GOODBYE_MS_MAX));
  }

  // ── for operators ────────────────────────────────────────────────────────────────────────────────────

  get peers(): readonly ShownPeer[] {
    return this.#peers.known.map((peer) => ({
      ...peer,
      differing: this.#engine?.comparison.countOf(peer.node) ?? 0,
      clockDifferenceMs: this.#clockDifferenceOf(peer.node),
    }));
  }

  get links(): readonly Link[] {
    return this.#options.bus.links;
  }

  get divergence(): { readonly documents: number; readonly ageMs: number } {
    const comparison = this.#engine?.comparison;
    return { documents: comparison?.count ?? 0, ageMs: comparison?.ageMs ?? 0 };
  }

  /** What waits in memory, all of it bounded. */
  get backlog(): {
    readonly inboxBytes: number;
    readonly wants: number;
    readonly questions: number;
  } {
    const { inbox, antiEntropy } = this.#engine ?? {};
    return {
      inboxBytes: inbox?.bytes ?? 0,
      wants: antiEntropy?.wantCount ?? 0,
      questions: antiEntropy?.questionCount ?? 0,
    };
  }

  get bus(): Bus {
    return this.#options.bus;
  }

  #clockDifferenceOf(node: string): number | null {
    for (const part of this.#parts) {
      const differenceMs = part.clockDifferenceOf?.(node) ?? null;
      if (differenceMs !== null) return differenceMs;
    }
    return null;
  }

  // ── inside ───────────────────────────────────────────────────────────────────────────────────────────

  #onHeartbeat(origin: string, { entries, isAsking }: HeartbeatMessage): void {
    const engine = this.#engine;
    if (engine === null) return;
    for (const entry of entries) engine.comparison.look(origin, entry);
    if (!isAsking) return;
    // The other one may hear us again only now.
    engine.antiEntropy.reset();
    engine.heartbeat.tellAll();
  }

  #onPeer({ origin: node, region, epoch }: Received, change: PeerChange): void {
    const peer: Peer = { node, region, epoch, heardMs: this.#options.timers.now() };
    this.#tellOfPeer(peer, change);
    if (change === 'joined' || change === 'restarted') {
      this.#engine?.heartbeat.tellAll();
      this.#firstContact.end();
    }
  }

  #tellOfPeer(peer: Peer, change: PeerChange): void {
    const { node, region } = peer;
    this.#options.report({ type: 'peer', node, region, change });
    this.#engine?.comparison.forget(node);
    if (change !== 'joined') this.#engine?.antiEntropy.forget(node);
    for (const part of this.#parts) part.onPeer?.(peer, change);
  }

  #tick(): void {
    const { timers } = this.#options;
    this.#tickTimer = timers.setTimeout(() => {
      this.#tick();
    }, BEAT_MS);
    for (const peer of this.#peers.expire()) this.#tellOfPeer(peer, 'lost');
    this.#engine?.inbox.tick();
    this.#engine?.comparison.tick();
    this.#engine?.heartbeat.beat();
    for (const part of this.#parts) part.tick?.();
  }

  /** Nobody else is known yet: waits for the first one to be heard, then asks it. */
  async #openingAlone(room: Room): Promise<void> {
    const leftMs = await this.#firstContact.within(OPENING_WAIT_MS);
    if (leftMs > 0) await this.#engine?.antiEntropy.opening(room, leftMs);
  }
}
