/**
 * The state of a document as ONE update, served from the bytes of its base and tail without decoding either: see
 * updates/assembly.ts. Measured on a document of 15 MB: see docs/decisions/0010-state-without-decoding.md.
 *
 * Shared by all who ask at the same time: one read of a base, one outline, one assembly. A whole state is kept with
 * the base that its parts are views of, so that it goes when the base does (base-cache.ts bounds those); what a
 * client with a state vector lacks is planned for it alone, from the same outlines. Bounds: so many bases are read
 * from disk at a time, so many requests wait for that; more are `overloaded`. [I6]
 */
import { ProtocolError } from '../protocol/errors.ts';
import { INLINE_SCAN_BYTES_MAX } from '../protocol/limits.ts';
import type { BaseInfo } from '../../persistence/store.ts';
import type { LoadedBase } from './base-cache.ts';
import type { RoomContext } from './context.ts';
import type { Room } from './room.ts';
import type { Segment } from './tail.ts';
import { assemble, divide, divisions, plan, type Plan, type Source } from './updates/assembly.ts';
import {
  decodeOutlines,
  outline,
  type SectionRest,
  type UpdateSection,
} from './updates/outline.ts';
import { Version } from './updates/version.ts';
import { Lane } from './workers/lane.ts';

export interface DocumentState {
  /** SHA-256 of the whole document's version, base64url: a strong validator, also of what `parts` leave out. */
  readonly digest: string;
  /** Of the whole document, as Yjs encodes it. */
  readonly stateVector: Uint8Array;
  /** All that is deleted, as Yjs encodes it. */
  readonly deletes: Uint8Array;
  /** Sum of the parts' lengths. */
  readonly bytes: number;
  /** Concatenated: one valid V1 update. Views of shared memory: not to be changed. */
  readonly parts: readonly Uint8Array[];
  /** False when the disk may not have all of it yet. */
  readonly isDurable: boolean;
}

/** Bases read from disk at the same time: up to DOCUMENT_BYTES_MAX each. */
const COLD_READS_MAX = 4;
/** Requests that wait for a base to be read; those for the same one count once. */
const COLD_READS_WAITING_MAX = 256;
/** Compactions that may come in between before somebody is told to come back. */
const ATTEMPTS_MAX = 5;

type WholeState = Omit<DocumentState, 'isDurable'>;

export class States {
  readonly #context: RoomContext;
  readonly #coldReads = new Lane(COLD_READS_MAX, COLD_READS_WAITING_MAX);
  readonly #loading = new WeakMap<BaseInfo, Promise<LoadedBase>>();
  readonly #baseSources = new WeakMap<LoadedBase, Promise<readonly Source[]>>();
  readonly #tailSections = new WeakMap<Segment, readonly UpdateSection[]>();
  /** The last whole state, with the base that it is made of; of a room that has no base, with the room. */
  readonly #whole = new WeakMap<LoadedBase | Room, WholeState>();

  constructor(context: RoomContext) {
    this.#context = context;
  }

  /**
   * What a replica with these clocks lacks. The room must be held.
   * @throws ProtocolError `overloaded`, StoreError, WorkerError
   */
  async read(room: Room, since: ReadonlyMap<number, number>): Promise<DocumentState> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const state = await this.#read(room, since);
      if (state !== null) {
        const isDurable = room.isSettled && this.#context.store.status === 'open';
        return { ...state, isDurable };
      }
    }
    throw new ProtocolError('overloaded', 'the document changes faster than it can be read');
  }

  /** Null: the base was replaced, or much was written, meanwhile. */
  async #read(room: Room, since: ReadonlyMap<number, number>): Promise<WholeState | null> {
    const { base } = room;
    const isNeeded = base !== null && !knows(since, room.head);
    const loaded = isNeeded ? await this.#load(room, base) : null;
    if (room.base !== base) return null;
    const baseSources = loaded === null ? [] : await this.#sourcesOf(loaded, base);
    // From here to `deletes` in one turn: tail, version and base are of one moment.
    room.flush();
    const segments = room.tailSince(base?.upToSeq ?? -1);
    if (room.base !== base || segments === null) return null;
    const isWhole = since.size === 0;
    const owner = loaded ?? room;
    const digest = digestOf(room.version);
    const known = this.#whole.get(owner);
    if (isWhole && known?.digest === digest) return known;

    const tailSources = this.#outlineInline(segments);
    if (tailSources === null) {
      await this.#outlineInWorker(segments);
      return null;
    }
    const deletes = room.version.encodeDeletesAsUpdate();
    const stateVector = room.version.encodeStateVector();
    const planned = plan([...baseSources, ...tailSources], since);
    const rests =
      planned.dividedBytes <= INLINE_SCAN_BYTES_MAX
        ? divisions(planned).map(divide)
        : await this.#divideInWorker(planned);
    const whole = assemble(planned, rests, deletes);
    // Behind the count of structs, which is none.
    const state = { digest, stateVector, deletes: deletes.subarray(1), ...whole };
    if (isWhole) {
      if (loaded !== null) this.#whole.delete(room);
      this.#whole.set(owner, state);
    }
    return state;
  }

  #load(room: Room, base: BaseInfo): Promise<LoadedBase> {
    if (this.#context.bases.has(room.name, base.generation)) return room.loadBase();
    const running = this.#loading.get(base);
    if (running !== undefined) return running;
    const loading = this.#loadCold(room).finally(() => this.#loading.delete(base));
    this.#loading.set(base, loading);
    return loading;
  }

  async #loadCold(room: Room): Promise<LoadedBase> {
    await this.#coldReads.enter();
    try {
      return await room.loadBase();
    } finally {
      this.#coldReads.leave();
    }
  }

  #sourcesOf(loaded: LoadedBase, base: BaseInfo | null): Promise<readonly Source[]> {
    let sources = this.#baseSources.get(loaded);
    if (sources === undefined) {
      sources = this.#outlineBase(loaded.chunks, base?.outline ?? null);
      this.#baseSources.set(loaded, sources);
      sources.catch(() => this.#baseSources.delete(loaded));
    }
    return sources;
  }

  async #outlineBase(
    chunks: readonly Uint8Array[],
    stored: Uint8Array | null,
  ): Promise<readonly Source[]> {
    const outlines =
      (stored === null ? null : decodeOutlines(stored, chunks)) ??
      // A base of an older build has none.
      (await this.#context.workers.outlines(chunks));
    return chunks.map((update, at) => ({ update, sections: outlines[at] ?? [] }));
  }

  /** Null: too much of the tail has not been looked at yet. */
  #outlineInline(segments: readonly Segment[]): readonly Source[] | null {
    let left = INLINE_SCAN_BYTES_MAX;
    const sources: Source[] = [];
    for (const segment of segments) {
      let sections = this.#tailSections.get(segment);
      if (sections === undefined) {
        left -= segment.bytes.byteLength;
        if (left < 0) return null;
        sections = outline(segment.bytes);
        this.#tailSections.set(segment, sections);
      }
      sources.push({ update: segment.bytes, sections });
    }
    return sources;
  }

  async #outlineInWorker(segments: readonly Segment[]): Promise<void> {
    const unknown = segments.filter((segment) => !this.#tailSections.has(segment));
    const outlines = await this.#context.workers.outlines(unknown.map(({ bytes }) => bytes));
    for (const [at, segment] of unknown.entries()) {
      this.#tailSections.set(segment, outlines[at] ?? []);
    }
  }

  async #divideInWorker(planned: Plan): Promise<readonly SectionRest[]> {
    return await this.#context.workers.divide(divisions(planned));
  }
}

export function digestOf(version: Version): string {
  return Buffer.from(version.digest(), 'hex').toString('base64url');
}

/** Whether a replica with these clocks has all structs of a version. */
function knows(clocks: ReadonlyMap<number, number>, version: Version): boolean {
  for (const [client, clock] of version.stateVector) {
    if ((clocks.get(client) ?? 0) < clock) return false;
  }
  return true;
}
