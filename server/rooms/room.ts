/**
 * A room: a document that is open on this node, as a log with a version, not as a document. An update is
 * *checked* against the version, *forwarded* with the next flush, *stored* in the next group commit, and
 * *acked* when that commit is on disk.
 *
 *   offer → check ─┬─ refused / gap / redundant: nothing is stored or sent
 *                  └─ new → version, store.append ──durable──▶ durableSeq → acks   [I1]
 *                         └─▶ pending ──flush──▶ tail, one frame for every live session
 *
 * All sequence numbers are the document's own, fixed by the store. A room holds no Y.Doc.
 */
import type { BaseInfo, StoredDocument } from '../../persistence/store.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ACCEPTED, Admission, EXISTS, FOREIGN, type NewVerdict, type Offer } from './admission.ts';
import { ANYBODY, type Author } from './author.ts';
import type { LoadedBase } from './base-cache.ts';
import { FrameCache } from './broadcast.ts';
import { EMPTY_UPDATE, type CatchUpSource } from './catch-up.ts';
import { ClientOwners } from './client-owners.ts';
import { Durability } from './durability.ts';
import { judge } from './updates/check.ts';
import type { RoomContext } from './context.ts';
import { PresenceFeed } from './presence-feed.ts';
import type { Replication } from './replication.ts';
import { RoomBase } from './room-base.ts';
import { scan } from './updates/scan.ts';
import type { Frame } from './outlet.ts';
import type { Session } from './session.ts';
import { Tail, type Segment } from './tail.ts';
import type { EditTrace } from './tracing.ts';
import { UpdateFeed } from './update-feed.ts';
import type { Version } from './updates/version.ts';
import { Waits } from './waits.ts';
import type { StoredParts } from './workers/compaction.ts';

const NO_FRAME: Frame = [];

export class Room implements CatchUpSource {
  readonly name: DocumentName;
  readonly context: RoomContext;
  readonly epoch: string;
  readonly version: Version;
  readonly presence: PresenceFeed;
  readonly #sessions = new Set<Session>();
  readonly #tail: Tail;
  readonly #feed: UpdateFeed;
  readonly #admission: Admission;
  readonly #owners = new ClientOwners();
  readonly #durability: Durability;
  /** Requests that wait for what others send. */
  readonly #arrivals: Waits;

  readonly #base: RoomBase;
  #appliedSeq: number;

  /** Updates and bytes since the base, as the disk has them; compaction goes by these. */
  #tailUpdates: number;
  #tailBytes: number;
  /** Its referee found culprits: their authors still have them. */
  readonly #hadCulprits: boolean;
  /** Why nobody may enter or write any more; null: the room is open. */
  #end: ErrorCode | null = null;
  /** Requests under way, which the room must outlive. */
  #holds = 0;

  /** How far other regions are; null while nobody wants to know. See `followed` in replication.ts. */
  replication: Replication | null = null;

  /** Resolves when the compaction that is running has ended, well or not; set by `compactRoom`. */
  compaction: Promise<void> | null = null;

  /** Called after every change of what compaction and eviction go by. Set by the registry. */
  onActivity: () => void = () => undefined;

  /** `version` is the stored one: the base's head with the tail applied. Built by `openRoom`. */
  constructor(
    name: DocumentName,
    context: RoomContext,
    stored: StoredDocument,
    version: Version,
    hadCulprits: boolean,
  ) {
    this.name = name;
    this.context = context;
    this.epoch = context.nextEpoch();
    this.version = version;
    this.#base = new RoomBase(name, context, stored.base, () => this.compaction);
    this.#appliedSeq = stored.lastSeq;
    this.#tail = new Tail(stored.base?.upToSeq ?? -1);
    for (const update of stored.tail) this.#tail.append(update.bytes, update.seq, update.seq);
    this.#tailUpdates = stored.tail.length;
    this.#tailBytes = stored.tail.reduce((sum, update) => sum + update.bytes.byteLength, 0);
    this.presence = new PresenceFeed(context.limits.presence, context.timers, this.#sessions);
    this.#feed = new UpdateFeed(this, this.#sessions, this.#tail, stored.lastSeq);
    this.#hadCulprits = hadCulprits;
    this.#admission = new Admission(this);
    this.#arrivals = new Waits(context.timers);
    this.#durability = new Durability(stored.lastSeq, context.timers, ({ updates, bytes }) => {
      this.#tailUpdates += updates;
      this.#tailBytes += bytes;
      context.relay?.durable(this, this.durableSeq);
      this.onActivity();
    });
  }

  get appliedSeq(): number {
    return this.#appliedSeq;
  }

  get durableSeq(): number {
    return this.#durability.seq;
  }

  get flushedSeq(): number {
    return this.#feed.flushedSeq;
  }

  get base(): BaseInfo | null {
    return this.#base.info;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get tailUpdates(): number {
    return this.#tailUpdates;
  }

  get tailBytes(): number {
    return this.#tailBytes;
  }

  /** True when closing the room would lose nothing that anybody waits for. */
  get isSettled(): boolean {
    return this.durableSeq >= this.#appliedSeq && this.#feed.isEmpty;
  }

  /** Somebody is connected, or a request is under way. */
  get isInUse(): boolean {
    return this.#sessions.size > 0 || this.#holds > 0;
  }

  /** False: the document has never been stored, and is only looked at. */
  get exists(): boolean {
    return this.#appliedSeq >= 0;
  }

  /** Every update is tried in a worker first: after a quarantine, and where another node took what is dangerous. */
  get isGuarded(): boolean {
    return this.#hadCulprits || this.version.hasLongValues;
  }

  /** Of base and tail, bytes. */
  get bytes(): number {
    return (this.base?.bytes ?? 0) + this.#tail.bytes;
  }

  // ── updates ──────────────────────────────────────────────────────────────────────────────────────────

  /** Checks an update and takes what is new in it. Large ones are looked at in a worker. */
  offer(
    update: Uint8Array,
    author: Author,
    trace: EditTrace | null = null,
  ): Offer | Promise<Offer> {
    return this.#admission.offer(update, author, trace);
  }

  /** Takes what of an update with gaps can be integrated now; the rest stays with its author. Null: nothing of it. */
  async offerIntegrablePart(update: Uint8Array, author: Author): Promise<Offer | null> {
    return await this.#admission.offerIntegrablePart(update, author);
  }

  /**
   * The first content of a document that has none: a state that this node has served before, or nothing at all. An
   * empty update says that a document is there, here and on its way between nodes.
   */
  async seed(state: Uint8Array = EMPTY_UPDATE, author: Author = ANYBODY): Promise<Offer> {
    const isEmpty = state.byteLength <= EMPTY_UPDATE.byteLength;
    const scanned = isEmpty ? scan(state) : await this.context.workers.scan(state, 'stored');
    const verdict = judge(scanned, this.version);
    if (verdict.kind === 'gap' || verdict.kind === 'refused') throw new Error('not a whole state');
    const { summary } = verdict;
    const seeding: NewVerdict = { kind: 'new', summary, overlaps: false, conflicts: 0 };
    return this.accept(state, seeding, { ...author, isSeeding: true });
  }

  assertOpen(): void {
    if (this.#end !== null) throw new ProtocolError(this.#end);
  }

  /** Only for what was judged `new`, in the same turn, and does not overlap with what is known. */
  accept(
    update: Uint8Array,
    verdict: NewVerdict,
    author: Author,
    trace: EditTrace | null = null,
  ): Offer {
    this.assertOpen();
    if (author.isSeeding === true && this.exists) return EXISTS;
    if (this.#owners.note(verdict.summary.sections, author)) {
      const { stats, limits } = this.context;
      stats.foreign += 1;
      if (limits.foreignStructs === 'refuse' && author.isLive === true) {
        stats.refused += 1;
        return FOREIGN;
      }
    }
    const bytes = ownBytes(update);
    const append = this.context.store.append(this.name, bytes, author);
    this.version.apply(verdict.summary);
    const { seq } = append;
    this.#appliedSeq = seq;
    this.context.stats.accepted += 1;
    this.#durability.track(append, bytes.byteLength);
    if (author.isRemote !== true) this.replication?.accepted(seq);
    trace?.appended(seq, append.durable);
    this.#feed.add({ bytes, source: author, seq, trace });
    this.#arrivals.look();
    this.context.relay?.changed(this);
    return ACCEPTED;
  }

  async parts(): Promise<StoredParts> {
    let base: BaseInfo | null;
    let chunks: readonly Uint8Array[];
    do {
      base = this.base;
      chunks = base === null ? [] : (await this.loadBase()).chunks;
    } while (base !== this.base);
    const tail = [
      ...(this.#tail.since(base?.upToSeq ?? -1) ?? []).map((segment) => segment.bytes),
      ...this.#feed.pendingBytes(),
    ];
    return { chunks, tail };
  }

  /**
   * Resolves when everything up to `seq` is on disk. [I1]
   * @throws ProtocolError `store-unavailable` after `timeoutMs`, StoreError `closed`
   */
  async whenDurable(seq: number, timeoutMs: number = Infinity): Promise<void> {
    await this.#durability.when(seq, timeoutMs);
  }

  /** True once everything in the version is here, deletes included, false after `timeoutMs`. */
  async whenKnown(seen: Version, timeoutMs: number): Promise<boolean> {
    return await this.#arrivals.until(() => this.version.covers(seen), timeoutMs);
  }

  /** Keeps the room open until the function returned is called. */
  hold(): () => void {
    let isHeld = true;
    this.#holds += 1;
    this.onActivity();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      this.onActivity();
    };
  }

  waitForAck(session: Session): void {
    this.#durability.add(session);
  }

  /** Other regions are further. */
  tellWaiting(): void {
    this.#durability.tell();
  }

  stopWaitingForAck(session: Session): void {
    this.#durability.remove(session);
  }

  // ── flush ────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends what was collected. */
  flush(): void {
    this.#feed.flush();
    this.presence.flushIfDue();
  }

  /** A small message of the application's, to everybody here and on other nodes; it is kept nowhere. */
  signal(payload: Uint8Array): void {
    this.deliverSignal(payload);
    this.context.relay?.signal?.(this, payload);
  }

  /** As `signal`, from another node. */
  deliverSignal(payload: Uint8Array): void {
    const frames = new FrameCache((wire) => wire.signal?.(payload) ?? NO_FRAME);
    for (const session of this.#sessions) {
      const frame = frames.get(session.outlet.wire);
      if (frame !== NO_FRAME) session.deliverSignal(frame);
    }
  }

  // ── sessions ─────────────────────────────────────────────────────────────────────────────────────────

  join(session: Session): void {
    this.#sessions.add(session);
    this.context.stats.joins += 1;
    this.onActivity();
  }

  leave(session: Session): void {
    this.#sessions.delete(session);
    this.#durability.remove(session);
    this.presence.leave(session);
    this.onActivity();
  }

  closeSessions(code: ErrorCode, detail?: string): void {
    for (const session of this.#sessions) session.close(code, detail);
  }

  // ── catch-up ─────────────────────────────────────────────────────────────────────────────────────────

  get head(): Version {
    return this.#base.head;
  }

  tailSince(seq: number): readonly Segment[] | null {
    return this.#tail.since(seq);
  }

  async loadBase(): Promise<LoadedBase> {
    return await this.#base.load();
  }

  async diffBase(stateVector: Uint8Array): Promise<readonly Uint8Array[]> {
    const { chunks } = await this.loadBase();
    return await this.context.workers.diff({ chunks, tail: [] }, stateVector);
  }

  /** A new base is on disk: what it contains leaves the tail. */
  adoptBase(base: BaseInfo, replaced: { updates: number; bytes: number }): void {
    this.#base.replace(base);
    // Compaction finds out what integrating has deleted by itself (overwritten map values, for one).
    this.version.merge(this.head);
    this.#tail.dropUpTo(base.upToSeq);
    this.#tailUpdates = Math.max(0, this.#tailUpdates - replaced.updates);
    this.#tailBytes = Math.max(0, this.#tailBytes - replaced.bytes);
    this.#arrivals.look();
    this.context.relay?.changed(this);
  }

  /** True once the registry let go of the room: nobody may enter it any more. */
  get isDisposed(): boolean {
    return this.#end !== null;
  }

  /** Stops timers; nobody enters or writes any more. `why`: what those are told who still wait for something. */
  dispose(why: 'document-reset' | 'document-deleted' | 'draining'): void {
    this.#end = why;
    this.#feed.stop();
    this.presence.dispose();
    const reason = (): Error => new ProtocolError(why);
    this.#arrivals.fail(reason);
    this.replication?.fail(reason);
    // What a reset room has accepted is in the store's queue, and durable when that is written.
    if (why === 'document-deleted') this.#durability.fail(reason);
  }
}

/** A copy, if keeping the update would keep a much larger read buffer that it is a slice of. */
function ownBytes(update: Uint8Array): Uint8Array {
  return update.byteLength * 2 >= update.buffer.byteLength ? update : new Uint8Array(update);
}
