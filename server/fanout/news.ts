/**
 * What this node has to say about its documents: for each one that changed lately its digest, how far it has published
 * updates of it, and whether it is deleted. Heartbeats are made of it, and heartbeats of others are compared with it;
 * rooms that have closed are answered for from memory.
 *
 * A document is told of every second for 30 s after it changed, and with every full heartbeat (10 s, or when a node
 * asks) for ten minutes, or while it is open. Bounded: the one not looked at for longest is forgotten, and left to the
 * slow sweep. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Registry } from '../rooms/registry.ts';
import type { Room } from '../rooms/room.ts';
import type { Timers } from '../rooms/timers.ts';
import { bucketOf } from './bus.ts';
import { DELETED_DIGEST, roomDigest } from './digest.ts';
import type { HeartbeatEntry } from './messages.ts';

const FRESH_MS = 30_000;
const TOLD_MS = 600_000;
/** Two heartbeats of the other one, and some. */
const DISPUTED_MS = 2_500;
const ENTRIES_MAX = 20_000;
/** In one heartbeat; those told of longest ago come first. About 100 KB of names and digests. */
const TOLD_MAX = 2_000;
const PUBLISHED_MAX = 100_000;

interface Entry {
  /** Null: to be taken from the room, which is open. */
  digest: Uint8Array | null;
  changedMs: number;
  toldMs: number;
}

export class News {
  readonly #registry: Pick<Registry, 'find' | 'rooms'>;
  readonly #timers: Timers;
  readonly #isReplica: boolean;
  /** Those used last are last. */
  readonly #entries = new Map<DocumentName, Entry>();
  readonly #published = new Map<DocumentName, number>();
  /** By bucket: the highest number that was forgotten of a document. */
  readonly #forgotten = new Map<number, number>();
  /** Others have said something else, and until when that is a reason to speak of it. */
  readonly #disputed = new Map<DocumentName, number>();

  /** `isReplica`: closed documents are kept up to date too; otherwise nothing is said of them. */
  constructor(
    registry: Pick<Registry, 'find' | 'rooms'>,
    timers: Timers,
    isReplica: boolean = true,
  ) {
    this.#registry = registry;
    this.#timers = timers;
    this.#isReplica = isReplica;
  }

  /** The last number under which an update of the document went out in this epoch; 0: none. */
  lastSeqOf(document: DocumentName): number {
    return this.#published.get(document) ?? 0;
  }

  /**
   * As `lastSeqOf`, for the chain that receivers follow: never lower than the truth. What was forgotten counts as just
   * published, so that receivers see a gap rather than none where there may be one.
   */
  previousSeqOf(document: DocumentName): number {
    return this.#published.get(document) ?? this.#forgotten.get(bucketOf(document)) ?? 0;
  }

  published(document: DocumentName, seq: number): void {
    this.#published.delete(document);
    this.#published.set(document, seq);
    if (this.#published.size <= PUBLISHED_MAX) return;
    const [oldest] = this.#published;
    if (oldest === undefined) return;
    this.#published.delete(oldest[0]);
    const bucket = bucketOf(oldest[0]);
    this.#forgotten.set(bucket, Math.max(oldest[1], this.#forgotten.get(bucket) ?? 0));
  }

  changed(room: Room): void {
    const entry = this.#entries.get(room.name);
    const changedMs = this.#timers.now();
    if (entry === undefined) this.#put(room.name, { digest: null, changedMs, toldMs: -Infinity });
    else {
      entry.digest = null;
      entry.changedMs = changedMs;
    }
  }

  closed(room: Room): void {
    const entry = this.#entries.get(room.name);
    if (entry?.digest === null) entry.digest = roomDigest(room);
  }

  /** Others are told of it from now on as of one that has just changed. */
  deleted(document: DocumentName): void {
    const changedMs = this.#timers.now();
    this.#put(document, { digest: DELETED_DIGEST, changedMs, toldMs: -Infinity });
  }

  /** Of a document that is not open, as it was found on disk. */
  learned(document: DocumentName, digest: Uint8Array): void {
    if (this.#entries.has(document)) return;
    this.#put(document, { digest, changedMs: -Infinity, toldMs: -Infinity });
  }

  /**
   * Another node speaks of a document and has it otherwise. It may be the one that lacks something: it is told what is
   * here with the next heartbeats, however long ago that changed. A node that has just started would else say it once in
   * ten seconds, and asking whoever lacks something brings nothing.
   */
  disputed(document: DocumentName): void {
    this.#disputed.delete(document);
    this.#disputed.set(document, this.#timers.now() + DISPUTED_MS);
    if (this.#disputed.size <= ENTRIES_MAX) return;
    const oldest = this.#disputed.keys().next().value;
    if (oldest !== undefined) this.#disputed.delete(oldest);
  }

  /** When the document last changed on this node, as far as is known. */
  changedMsOf(document: DocumentName): number {
    return this.#entries.get(document)?.changedMs ?? -Infinity;
  }

  /** Null: it is not open, and nothing is remembered of it. */
  digestOf(document: DocumentName): Uint8Array | null {
    const room = this.#registry.find(document);
    if (room !== null) return roomDigest(room);
    const entry = this.#entries.get(document);
    if (entry?.digest === undefined || entry.digest === null) return null;
    this.#entries.delete(document);
    this.#entries.set(document, entry);
    return entry.digest;
  }

  /** What the next heartbeat says. `isFull`: also of what has not changed for a while. */
  toTell(isFull: boolean): readonly HeartbeatEntry[] {
    const nowMs = this.#timers.now();
    const keepMs = isFull ? TOLD_MS : FRESH_MS;
    const told: { document: DocumentName; toldMs: number }[] = [];
    for (const [document, { changedMs, toldMs }] of this.#entries) {
      if (nowMs - changedMs < keepMs) told.push({ document, toldMs });
    }
    for (const [document, untilMs] of this.#disputed) {
      if (untilMs <= nowMs) this.#disputed.delete(document);
      else if (!isFull && !this.#isFresh(document, nowMs)) {
        told.push({ document, toldMs: this.#entries.get(document)?.toldMs ?? -Infinity });
      }
    }
    if (isFull) {
      for (const { name, exists } of this.#registry.rooms) {
        const entry = this.#entries.get(name);
        const isListed = entry !== undefined && nowMs - entry.changedMs < keepMs;
        if (exists && !isListed) told.push({ document: name, toldMs: entry?.toldMs ?? -Infinity });
      }
    } else if (told.length > TOLD_MAX) {
      told.sort((a, b) => a.toldMs - b.toldMs);
      told.length = TOLD_MAX;
    }
    return told.flatMap(({ document }) => {
      const entry = this.#entries.get(document);
      if (entry !== undefined) entry.toldMs = nowMs;
      const digest = this.digestOf(document);
      const isTold =
        this.#isReplica || digest === DELETED_DIGEST || this.#registry.find(document) !== null;
      return digest === null || !isTold
        ? []
        : [{ document, lastSeq: this.lastSeqOf(document), digest }];
    });
  }

  #isFresh(document: DocumentName, nowMs: number): boolean {
    return nowMs - this.changedMsOf(document) < FRESH_MS;
  }

  #put(document: DocumentName, entry: Entry): void {
    this.#entries.delete(document);
    this.#entries.set(document, entry);
    if (this.#entries.size <= ENTRIES_MAX) return;
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
