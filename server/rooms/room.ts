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
import { StoreError, type BaseInfo, type StoredDocument } from '../../persistence/store.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { INLINE_SCAN_BYTES_MAX, UPDATE_LIMITS } from '../protocol/limits.ts';
import type { Author } from './author.ts';
import type { LoadedBase } from './base-cache.ts';
import { FrameCache, coalesce, joinFrames } from './broadcast.ts';
import type { CatchUpSource } from './catch-up.ts';
import { check, judge, trim, type Verdict } from './updates/check.ts';
import type { RoomContext } from './context.ts';
import { FlushWindow } from './flush-window.ts';
import { PresenceFeed } from './presence-feed.ts';
import type { PresenceResult } from './presence.ts';
import { REFUSALS, type RefusalCode } from './updates/refusal.ts';
import type { UpdateSummary } from './updates/scan.ts';
import type { Session } from './session.ts';
import { Tail, type Segment } from './tail.ts';
import type { TimerHandle } from './timers.ts';
import { Version } from './updates/version.ts';

/** What became of an offered update. */
export type Offer =
  | { readonly kind: 'accepted' | 'redundant' | 'gap' }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: RefusalReason };

export type RefusalReason = RefusalCode | 'document-size' | 'cost' | 'read-only';

const ACCEPTED: Offer = { kind: 'accepted' };
const REDUNDANT: Offer = { kind: 'redundant' };
const GAP: Offer = { kind: 'gap' };
const READ_ONLY: Offer = { kind: 'refused', code: 'read-only', reason: 'read-only' };

/** A worker gets this much longer for each MiB of document that it has to load before a trial. */
const LOAD_MS_PER_MIB = 400;

/** What of this room is in one group commit. Appends that share a batch share its promise. */
interface RoomBatch {
  readonly durable: Promise<void>;
  /** The last one in it. */
  seq: number;
  updates: number;
  bytes: number;
}

interface Pending {
  readonly bytes: Uint8Array;
  readonly source: Author;
  readonly seq: number;
}

export class Room implements CatchUpSource {
  readonly name: DocumentName;
  readonly context: RoomContext;
  readonly epoch: string;
  readonly version: Version;
  readonly #presence: PresenceFeed;
  readonly #sessions = new Set<Session>();
  readonly #tail: Tail;
  readonly #window: FlushWindow;

  #base: BaseInfo | null;
  #head: Version | null = null;
  #appliedSeq: number;
  #durableSeq: number;
  #flushedSeq: number;
  #pending: Pending[] = [];
  #flushTimer: TimerHandle | null = null;
  #isFlushQueued = false;

  #lastBatch: RoomBatch | null = null;
  readonly #waitingForAck = new Set<Session>();
  /** Updates and bytes since the base, as the disk has them; compaction goes by these. */
  #tailUpdates: number;
  #tailBytes: number;
  /** After a quarantine every update is tried in a worker first: its author still has the culprit. */
  #isGuarded = false;
  #isDisposed = false;

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
    isGuarded: boolean,
  ) {
    this.name = name;
    this.context = context;
    this.epoch = context.nextEpoch();
    this.version = version;
    this.#base = stored.base;
    this.#appliedSeq = stored.lastSeq;
    this.#durableSeq = stored.lastSeq;
    this.#flushedSeq = stored.lastSeq;
    this.#tail = new Tail(stored.base?.upToSeq ?? -1);
    for (const update of stored.tail) this.#tail.append(update.bytes, update.seq, update.seq);
    this.#tailUpdates = stored.tail.length;
    this.#tailBytes = stored.tail.reduce((sum, update) => sum + update.bytes.byteLength, 0);
    this.#presence = new PresenceFeed(context.limits.presence, context.timers, this.#sessions);
    this.#window = new FlushWindow(context.limits.flushWindowMs);
    this.#isGuarded = isGuarded;
  }

  get appliedSeq(): number {
    return this.#appliedSeq;
  }

  get durableSeq(): number {
    return this.#durableSeq;
  }

  get flushedSeq(): number {
    return this.#flushedSeq;
  }

  get base(): BaseInfo | null {
    return this.#base;
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
    return this.#durableSeq >= this.#appliedSeq && this.#pending.length === 0;
  }

  // ── updates ──────────────────────────────────────────────────────────────────────────────────────────

  /** Checks an update and takes what is new in it. Large ones are scanned in a worker. */
  offer(update: Uint8Array, source: Author): Offer | Promise<Offer> {
    if (update.byteLength > INLINE_SCAN_BYTES_MAX) return this.#offerLarge(update, source);
    return this.#judge(update, check(update, this.version), source);
  }

  /** Takes what of an update with gaps can be integrated now; the rest stays with its sender. */
  async offerIntegrablePart(update: Uint8Array, source: Author): Promise<void> {
    const part = await this.context.workers.integrablePart(update, this.version.encode());
    if (part !== null && !source.isClosed) await this.offer(part, source);
  }

  async #offerLarge(update: Uint8Array, source: Author): Promise<Offer> {
    const { workers } = this.context;
    const scanned = await workers.scan(update);
    this.#assertOpen();
    const verdict = judge(scanned, this.version);
    if (verdict.kind !== 'new' || !verdict.overlaps) {
      return await this.#judge(update, verdict, source);
    }
    // What is known already is left out, in the worker too: trimming 15 MB here would take half a second.
    const part = (await workers.integrablePart(update, this.version.encode())) ?? update;
    const rescanned = await workers.scan(part);
    this.#assertOpen();
    return await this.#judge(part, judge(rescanned, this.version), source);
  }

  /** A room that was closed while a worker looked at an update must not store it: another may be open by now. */
  #assertOpen(): void {
    if (this.#isDisposed) throw new ProtocolError('document-reset');
  }

  #judge(update: Uint8Array, verdict: Verdict, source: Author): Offer | Promise<Offer> {
    const { stats, limits } = this.context;
    switch (verdict.kind) {
      case 'redundant':
        stats.redundant += 1;
        return REDUNDANT;
      case 'gap':
        if (!source.canWrite) return READ_ONLY;
        stats.gap += 1;
        return GAP;
      case 'refused':
        stats.refused += 1;
        return { kind: 'refused', code: REFUSALS[verdict.code], reason: verdict.code };
      case 'new': {
        if (!source.canWrite) return READ_ONLY;
        const size = (this.#base?.bytes ?? 0) + this.#tail.bytes + update.byteLength;
        if (size > limits.documentBytesMax && verdict.summary.sections.length > 0) {
          stats.refused += 1;
          return { kind: 'refused', code: 'document-too-large', reason: 'document-size' };
        }
        if (this.#isGuarded || verdict.conflicts > UPDATE_LIMITS.conflictsMax) {
          return this.#tryInWorker(update, verdict.summary, source);
        }
        this.#accept(update, verdict, source);
        return ACCEPTED;
      }
    }
  }

  /** The referee looks at what seems expensive before anybody gets it. */
  async #tryInWorker(update: Uint8Array, summary: UpdateSummary, source: Author): Promise<Offer> {
    const { stats, limits, workers } = this.context;
    stats.trials += 1;
    const base = this.#base === null ? null : await this.loadBase();
    const chunks = base?.chunks ?? [];
    const tail = [
      ...(this.#tail.since(this.#base?.upToSeq ?? -1) ?? []).map((segment) => segment.bytes),
      ...this.#pending.map((pending) => pending.bytes),
    ];
    const loadMs = (((base?.bytes ?? 0) + this.#tail.bytes) / 1_048_576) * LOAD_MS_PER_MIB;
    const result = await workers.trial({ chunks, tail, update }, limits.trialTimeoutMs + loadMs);
    if (!result.ok) {
      stats.refused += 1;
      return { kind: 'refused', code: 'update-refused', reason: 'cost' };
    }
    this.#assertOpen();
    // Others may have written meanwhile: what is new is decided now, with what is known now.
    const verdict = judge({ isValid: true, summary }, this.version);
    if (verdict.kind === 'new') {
      this.#accept(update, verdict, source);
      return ACCEPTED;
    }
    return await this.#judge(update, verdict, source);
  }

  #accept(update: Uint8Array, verdict: Verdict & { kind: 'new' }, source: Author): void {
    const bytes = verdict.overlaps ? trim(update, this.version) : ownBytes(update);
    this.version.apply(verdict.summary);
    const { seq, durable } = this.context.store.append(this.name, bytes);
    this.#appliedSeq = seq;
    this.context.stats.accepted += 1;
    const batch = this.#batchOf(durable);
    batch.seq = seq;
    batch.updates += 1;
    batch.bytes += bytes.byteLength;
    this.#pending.push({ bytes, source, seq });
    this.#window.note(this.context.timers.now(), this.#sessions.size);
    this.#scheduleFlush();
  }

  #batchOf(durable: Promise<void>): RoomBatch {
    if (this.#lastBatch?.durable === durable) return this.#lastBatch;
    const batch: RoomBatch = { durable, seq: this.#appliedSeq, updates: 0, bytes: 0 };
    this.#lastBatch = batch;
    durable.then(
      () => {
        this.#onDurable(batch);
      },
      // The store was closed before the disk had it: never acked, and the client still has it. [I5]
      () => undefined,
    );
    return batch;
  }

  #onDurable({ seq, updates, bytes }: RoomBatch): void {
    this.#durableSeq = seq;
    this.#tailUpdates += updates;
    this.#tailBytes += bytes;
    for (const session of this.#waitingForAck) session.onDurable(seq);
    this.onActivity();
  }

  waitForAck(session: Session): void {
    this.#waitingForAck.add(session);
  }

  stopWaitingForAck(session: Session): void {
    this.#waitingForAck.delete(session);
  }

  // ── flush ────────────────────────────────────────────────────────────────────────────────────────────

  #scheduleFlush(): void {
    if (this.#isFlushQueued || this.#flushTimer !== null) return;
    const { timers } = this.context;
    const delayMs = this.#window.delayMs(timers.now());
    if (delayMs < 1) {
      this.#isFlushQueued = true;
      timers.setImmediate(() => {
        this.#isFlushQueued = false;
        this.flush();
      });
    } else {
      this.#flushTimer = timers.setTimeout(() => {
        this.#flushTimer = null;
        this.flush();
      }, delayMs);
    }
  }

  /** Sends what was collected: encoded once a wire, the same bytes to every session. */
  flush(): void {
    const { timers, stats } = this.context;
    const pending = this.#pending;
    const last = pending.at(-1);
    if (last !== undefined) {
      this.#pending = [];
      const fromSeq = this.#flushedSeq;
      const runs = coalesce(pending);
      for (const run of runs) this.#tail.append(run.bytes, run.firstSeq, run.lastSeq);
      this.#flushedSeq = last.seq;
      // An author alone in the window has it already; among others, one frame for all is cheaper.
      const author = pending.every((entry) => entry.source === last.source) ? last.source : null;
      const frames = new FrameCache((wire) =>
        joinFrames(
          runs.map((run) => wire.update(run.bytes, { epoch: this.epoch, seq: run.lastSeq })),
        ),
      );
      for (const session of this.#sessions) {
        if (session !== author) session.deliver(frames.get(session.outlet.wire), fromSeq);
      }
      stats.flushes += 1;
      stats.deliveries += this.#sessions.size;
      this.#window.flushed(timers.now());
      this.onActivity();
    }
    this.#presence.flushIfDue();
  }

  // ── presence ─────────────────────────────────────────────────────────────────────────────────────────

  applyPresence(entries: Uint8Array, session: Session): PresenceResult {
    return this.#presence.apply(entries, session);
  }

  sendPresence(session: Session): void {
    this.#presence.sendAll(session);
  }

  // ── sessions ─────────────────────────────────────────────────────────────────────────────────────────

  join(session: Session): void {
    this.#sessions.add(session);
    this.context.stats.joins += 1;
    this.onActivity();
  }

  leave(session: Session): void {
    this.#sessions.delete(session);
    this.#waitingForAck.delete(session);
    this.#presence.leave(session);
    this.onActivity();
  }

  closeSessions(code: ErrorCode, detail?: string): void {
    for (const session of this.#sessions) session.close(code, detail);
  }

  // ── catch-up ─────────────────────────────────────────────────────────────────────────────────────────

  get head(): Version {
    this.#head ??= this.#base === null ? new Version() : decodeHead(this.#base.head);
    return this.#head;
  }

  tailSince(seq: number): readonly Segment[] | null {
    return this.#tail.since(seq);
  }

  /** The base as it is now; one that a compaction is just replacing is read again in its new generation. */
  async loadBase(): Promise<LoadedBase> {
    for (;;) {
      const base = this.#base;
      if (base === null) throw new Error(`${this.name} has no base`);
      try {
        return await this.context.bases.get(this.name, base.generation);
      } catch (error) {
        const isStale = error instanceof StoreError && error.code === 'stale-generation';
        if (!isStale || this.compaction === null) throw error;
        await this.compaction;
      }
    }
  }

  async diffBase(stateVector: Uint8Array): Promise<readonly Uint8Array[]> {
    const { chunks } = await this.loadBase();
    return await this.context.workers.diff({ chunks, tail: [] }, stateVector);
  }

  /** A new base is on disk: what it contains leaves the tail. */
  adoptBase(base: BaseInfo, replaced: { updates: number; bytes: number }): void {
    this.#base = base;
    this.#head = null;
    // Compaction finds out what integrating has deleted by itself (overwritten map values, for one).
    this.version.merge(this.head);
    this.#tail.dropUpTo(base.upToSeq);
    this.#tailUpdates = Math.max(0, this.#tailUpdates - replaced.updates);
    this.#tailBytes = Math.max(0, this.#tailBytes - replaced.bytes);
  }

  /** True once the registry let go of the room: nobody may enter it any more. */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Stops timers; nobody enters any more. */
  dispose(): void {
    this.#isDisposed = true;
    const { timers } = this.context;
    if (this.#flushTimer !== null) timers.clearTimeout(this.#flushTimer);
    this.#presence.dispose();
    this.#flushTimer = null;
  }
}

function decodeHead(bytes: Uint8Array): Version {
  const head = Version.decode(bytes);
  if (head === null) throw new Error('the head of a loaded base does not decode');
  return head;
}

/** A copy, if keeping the update would keep a much larger read buffer that it is a slice of. */
function ownBytes(update: Uint8Array): Uint8Array {
  return update.byteLength * 2 >= update.buffer.byteLength ? update : new Uint8Array(update);
}
