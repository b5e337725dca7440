/**
 * Documents as callers without a connection see them: whole requests in, whole answers out. The facade over
 * registry, rooms and store that every REST route uses; it knows no HTTP, and access is the caller's business.
 *
 * A write resolves only when everything in it is on disk [I1]. While the store is degraded nothing is accepted;
 * when the disk hangs after something was, the caller is told after a bounded time that the outcome is unknown:
 * repeating any of this is safe. Reading what does not exist creates nothing.
 */
import type { DocumentStat, DocumentSummary } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { INLINE_SCAN_BYTES_MAX } from '../protocol/limits.ts';
import { EXISTS, type Offer } from './admission.ts';
import { ANYBODY, type Author } from './author.ts';
import { Borrower } from './borrower.ts';
import { EMPTY_UPDATE } from './catch-up.ts';
import type { RoomContext } from './context.ts';
import { offerOfRequest } from './edit-traces.ts';
import type { DocumentMetadata, DocumentVersion, Written } from './document-answers.ts';
import { answered } from './failure.ts';
import type { Registry } from './registry.ts';
import { followed, type DurabilityLevel, type Replication } from './replication.ts';
import type { Room } from './room.ts';
import { States, digestOf, type DocumentState } from './states.ts';
import type { EditTrace, Traceparent } from './tracing.ts';
import { outline } from './updates/outline.ts';
import { Version, readStateVector } from './updates/version.ts';
import { Lane } from './workers/lane.ts';

export type { Author } from './author.ts';
export type { DocumentMetadata, DocumentVersion, Written } from './document-answers.ts';
export type { DocumentState } from './states.ts';

export interface WriteOptions {
  /** Who writes; somebody who may, unless said. */
  readonly author?: Author;
  /** A document that does not exist is created by the write; otherwise it is `document-not-found`. */
  readonly isCreating?: boolean;
  /** What must hold of a write when it resolves; `replicated` only where there are other nodes. Default: the node's. */
  readonly durability?: DurabilityLevel;
  /** Of the request, if it is followed. */
  readonly parent?: Traceparent | null;
}

/** What somebody has seen of a document, on whatever node. */
export interface Seen {
  readonly stateVector?: Uint8Array;
  /** Only its deletes count: a state vector says nothing of them. */
  readonly deletes?: Version;
}

export interface DocumentsOptions {
  /** The longest that a write waits for the disk. */
  readonly writeTimeoutMs: number;
  /** Of writes that do not say. Default `local`. */
  readonly ack?: DurabilityLevel;
}

const SEEDER: Author = { ...ANYBODY, isSeeding: true };
const STATE_VECTOR_BYTES_MAX = 64 * 1024;
/** Copies hold a whole document in memory until it is on disk. */
const COPIES_MAX = 2;
const COPIES_WAITING_MAX = 32;

export class Documents {
  readonly #registry: Registry;
  readonly #context: RoomContext;
  readonly #borrower: Borrower;
  readonly #states: States;
  readonly #writeTimeoutMs: number;
  readonly #ack: DurabilityLevel;
  readonly #copies = new Lane(COPIES_MAX, COPIES_WAITING_MAX);

  constructor(
    registry: Registry,
    context: RoomContext,
    { writeTimeoutMs, ack = 'local' }: DocumentsOptions = { writeTimeoutMs: 10_000 },
  ) {
    this.#registry = registry;
    this.#context = context;
    this.#borrower = new Borrower(registry, context, writeTimeoutMs);
    this.#states = new States(context);
    this.#writeTimeoutMs = writeTimeoutMs;
    this.#ack = ack;
  }

  /** Stored documents in order of name, without tombstones. @throws ProtocolError `replica-behind`: not all are here yet */
  async list(query: {
    prefix?: string;
    after?: string;
    limit: number;
  }): Promise<readonly DocumentSummary[]> {
    if (this.#context.isFillingUp?.() === true) throw new ProtocolError('replica-behind');
    return await answered(this.#context.store.list(query));
  }

  /** The validator of a document, without reading its content: what a 304 needs. */
  async version(name: DocumentName): Promise<DocumentVersion> {
    return await this.#borrower.withDocument(name, async (room) => versionOf(room));
  }

  async metadata(name: DocumentName): Promise<DocumentMetadata> {
    return await this.#borrower.withDocument(name, async (room) => {
      const stat = await this.#context.store.stat(name);
      return {
        name,
        ...versionOf(room),
        bytes: room.bytes,
        createdAtMs: stat?.createdAtMs ?? null,
        updatedAtMs: stat?.updatedAtMs ?? null,
        connections: room.sessionCount,
      };
    });
  }

  /**
   * Creates a document with this content, or none. Of several that race one is new. Of a document that exists
   * nothing is changed.
   */
  async create(
    name: DocumentName,
    update: Uint8Array | null,
    { durability = this.#ack, parent }: Pick<WriteOptions, 'durability' | 'parent'> = {},
  ): Promise<Written & { readonly isNew: boolean }> {
    this.#assertWritable();
    return await this.#borrower.withRoom(name, async (room) => {
      const replication = replicationOf(room, durability);
      let offer: Offer | null = null;
      let trace: EditTrace | null = null;
      if (update !== null && !room.exists) {
        ({ offer, trace } = await offerOfRequest(room, update, SEEDER, parent));
        if (offer.kind === 'gap') throw gapOf(room);
      }
      // No content is content too: one empty update says that the document is there.
      if (!room.exists && (offer === null || offer.kind === 'redundant')) offer = await room.seed();
      const isRefused = offer?.kind === 'refused' && offer.code !== 'document-exists';
      if (offer !== null && isRefused) throw this.#refused(room, offer, update);
      const isNew = offer?.kind === 'accepted';
      const outcome: Offer = { kind: isNew ? 'accepted' : 'redundant' };
      return { ...(await this.#written(room, outcome, replication, trace)), isNew };
    });
  }

  /**
   * What a replica with this encoded state vector lacks (null: everything), as one update.
   * @throws ProtocolError `invalid-state-vector`, `document-not-found`, `overloaded`, `store-unavailable`, …
   */
  async state(name: DocumentName, since: Uint8Array | null): Promise<DocumentState> {
    const clocks = since === null ? new Map<number, number>() : clocksOf(since);
    return await this.#borrower.withDocument(name, (room) => this.#states.read(room, clocks));
  }

  /** @throws ProtocolError `update-gap` (`missing`: from where on), `invalid-update`, `update-refused`, `read-only`, … */
  async write(
    name: DocumentName,
    update: Uint8Array,
    { author = ANYBODY, isCreating = false, durability = this.#ack, parent }: WriteOptions = {},
  ): Promise<Written> {
    this.#assertWritable();
    return await this.#borrower.withRoom(name, async (room) => {
      if (!room.exists && !isCreating) throw this.#borrower.notFound(name);
      const replication = replicationOf(room, durability);
      const { offer, trace } = await offerOfRequest(room, update, author, parent);
      if (offer.kind === 'gap') throw gapOf(room);
      if (offer.kind === 'refused') throw this.#refused(room, offer, update);
      return await this.#written(room, offer, replication, trace);
    });
  }

  /**
   * One round trip of a client that was offline: takes what it made, waits until that is durable, and gives what it
   * lacks, without sending back its own. A document that it made offline is created by it. Of an update that
   * builds on what is not here, what can be integrated is taken all the same; then `update-gap` says what to send.
   */
  async sync(
    name: DocumentName,
    stateVector: Uint8Array,
    update: Uint8Array | null,
    options: WriteOptions = {},
  ): Promise<{ readonly written: Written | null; readonly state: DocumentState }> {
    const { author = ANYBODY, isCreating = author.canWrite } = options;
    const clocks = clocksOf(stateVector);
    const sent = update === null || isEmpty(update) ? null : update;
    if (sent !== null) this.#assertWritable();
    return await this.#borrower.withRoom(name, async (room) => {
      if (!room.exists && !isCreating) throw this.#borrower.notFound(name);
      const written = sent === null ? null : await this.#take(room, sent, author, options);
      const known = sent === null ? clocks : await this.#withSections(clocks, sent);
      return { written, state: await this.#states.read(room, known) };
    });
  }

  /** Deletes for good: connections are closed, a later write does not bring it back. */
  async delete(name: DocumentName): Promise<void> {
    this.#assertWritable();
    await answered(this.#delete(name));
  }

  /** A new document with the content of another, in one piece. @throws ProtocolError `document-exists` */
  async copy(from: DocumentName, to: DocumentName): Promise<Written> {
    this.#assertWritable();
    return await answered(this.#copy(from, to));
  }

  /** Resolves when this node has all that the caller has seen elsewhere. @throws ProtocolError `replica-behind` */
  async waitFor(name: DocumentName, seen: Seen, timeoutMs: number): Promise<void> {
    const wanted = new Version(
      seen.stateVector === undefined ? undefined : clocksOf(seen.stateVector),
      seen.deletes?.deletes,
    );
    await this.#borrower.withRoom(name, async (room) => {
      // Of several nodes the first that is asked may not have it either.
      for (const partMs of [timeoutMs / 2, timeoutMs / 2]) {
        if (await room.whenKnown(wanted, 0)) return;
        this.#context.replicas?.seek(name);
        if (await room.whenKnown(wanted, partMs)) return;
      }
      throw new ProtocolError('replica-behind');
    });
  }

  /** For event streams: as the gateway opens. */
  async openRoom(name: DocumentName): Promise<Room> {
    return await this.#registry.open(name);
  }

  async #delete(name: DocumentName): Promise<void> {
    if (this.#registry.find(name)?.exists !== true) {
      // Not opened: a document that is damaged can be deleted too.
      const stat: DocumentStat | null = await this.#context.store.stat(name);
      // Another node may have created it just now.
      if (stat === null) await this.#borrower.withDocument(name, () => Promise.resolve());
      if (stat?.isDeleted === true) throw new ProtocolError('document-deleted');
    }
    await this.#borrower.inTime(this.#registry.delete(name));
  }

  async #copy(from: DocumentName, to: DocumentName): Promise<Written> {
    await this.#copies.enter();
    try {
      const { parts } = await this.state(from, null);
      return await this.#borrower.withRoom(to, async (room) => {
        const replication = replicationOf(room, this.#ack);
        const offer = room.exists ? null : await room.seed(Buffer.concat(parts));
        const written = await this.#written(room, offer ?? EXISTS, replication);
        if (offer?.kind !== 'accepted') throw new ProtocolError('document-exists');
        return written;
      });
    } finally {
      this.#copies.leave();
    }
  }

  /** Takes an update or, of one with gaps, what can be integrated. */
  async #take(
    room: Room,
    update: Uint8Array,
    author: Author,
    { durability = this.#ack, parent }: WriteOptions,
  ): Promise<Written> {
    const replication = replicationOf(room, durability);
    let { offer, trace } = await offerOfRequest(room, update, author, parent);
    if (offer.kind === 'gap') {
      const part = await room.offerIntegrablePart(update, author);
      if (part?.kind === 'refused') throw this.#refused(room, part, update);
      // What was missing may have come meanwhile.
      ({ offer, trace } = await offerOfRequest(room, update, author, parent));
    }
    if (offer.kind === 'refused') throw this.#refused(room, offer, update);
    const written = await this.#written(room, offer, replication, trace);
    if (offer.kind === 'gap') throw gapOf(room);
    return written;
  }

  /** What a client knows beside its state vector: what it sent. */
  async #withSections(
    clocks: ReadonlyMap<number, number>,
    update: Uint8Array,
  ): Promise<ReadonlyMap<number, number>> {
    const isSmall = update.byteLength <= INLINE_SCAN_BYTES_MAX;
    const [sections = []] = isSmall
      ? [outline(update)]
      : await this.#context.workers.outlines([update]);
    const known = new Map(clocks);
    for (const { client, clock, end } of sections) {
      const reached = known.get(client) ?? 0;
      if (clock <= reached && end > reached) known.set(client, end);
    }
    return known;
  }

  /**
   * The version as it is now, when it is on disk, and in another region if `replication` says so. A redundant update,
   * too, waits for its first copy, whoever brought that. [I1] @throws ProtocolError `not-replicated`
   */
  async #written(
    room: Room,
    offer: Offer,
    replication: Replication | null,
    trace: EditTrace | null = null,
  ): Promise<Written> {
    trace?.ackRequested(replication === null ? 'local' : 'replicated');
    const { timers } = this.#context;
    const version = versionOf(room);
    const isWhole = offer.kind === 'accepted' && offer.isPart !== true;
    const need = {
      chainSeq: replication?.localSeq ?? -1,
      provenSeq: isWhole ? -1 : room.appliedSeq,
    };
    replication?.want(need);
    const untilMs = timers.now() + this.#writeTimeoutMs;
    await room.whenDurable(room.appliedSeq, this.#writeTimeoutMs);
    if (replication !== null && !(await replication.until(need, untilMs - timers.now()))) {
      throw new ProtocolError('not-replicated');
    }
    trace?.acked();
    return { ...version, isRedundant: offer.kind === 'redundant' };
  }

  #refused(room: Room, offer: Offer, update: Uint8Array | null): ProtocolError {
    if (offer.kind !== 'refused') throw new Error('not refused');
    if (offer.reason !== 'read-only') {
      this.#context.report({
        type: 'update-refused',
        document: room.name,
        reason: offer.reason,
        bytes: update?.byteLength ?? 0,
      });
    }
    return new ProtocolError(offer.code, undefined, { reason: offer.reason });
  }

  /** [I5] [I6] */
  #assertWritable(): void {
    const { store } = this.#context;
    if (store.status !== 'open') {
      throw new ProtocolError('store-unavailable', 'The store takes no writes now; none was made.');
    }
    if (store.isFull) throw new ProtocolError('overloaded', 'Too much waits for the disk.');
  }
}

/** Before anything is offered. */
function replicationOf(room: Room, durability: DurabilityLevel): Replication | null {
  return durability === 'replicated' ? followed(room) : null;
}

function versionOf(room: Room): DocumentVersion {
  return { digest: digestOf(room.version), stateVector: room.version.encodeStateVector() };
}

function gapOf(room: Room): ProtocolError {
  const missing = Buffer.from(room.version.encodeStateVector()).toString('base64url');
  return new ProtocolError('update-gap', undefined, { missing });
}

function clocksOf(stateVector: Uint8Array): ReadonlyMap<number, number> {
  const clocks = readStateVector(stateVector, STATE_VECTOR_BYTES_MAX);
  if (clocks === null) throw new ProtocolError('invalid-state-vector');
  return clocks;
}

function isEmpty(update: Uint8Array): boolean {
  return Buffer.compare(update, EMPTY_UPDATE) === 0;
}
