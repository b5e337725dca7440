/**
 * The rooms that are open on this node: one load per document at a time, compaction when a tail has grown or a
 * room goes idle, eviction when nobody is there and everything is on disk. [I8]
 */
import type { WriteWord } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { compactStored } from './compact-stored.ts';
import type { RoomContext } from './context.ts';
import { failureOf } from './failure.ts';
import { openRoom } from './open-room.ts';
import type { Relay } from './relay.ts';
import type { Room } from './room.ts';
import type { TimerHandle } from './timers.ts';

/** A tail this short is left as it is when a room goes idle: opening it costs less than compacting it. */
const IDLE_TAIL_UPDATES_MIN = 64;
const IDLE_TAIL_BYTES_MIN = 16 * 1024;
/** After a compaction failed, the next one is tried no sooner. */
const FAILED_COMPACTION_PAUSE_MS = 60_000;
/** A room in which only other nodes have written closes this soon. */
const VISIT_IDLE_MS = 1_000;

interface Entry {
  readonly room: Room;
  idleTimer: TimerHandle | null;
  isCompacting: boolean;
  failedAtMs: number;
  /** Nobody of this node has asked for it since it is open: only other nodes' updates are stored. */
  isVisited: boolean;
  /** Other nodes were asked for what they have. */
  greeting: Promise<void> | null;
}

export class Registry {
  readonly #context: RoomContext;
  readonly #entries = new Map<DocumentName, Entry>();
  readonly #opening = new Map<DocumentName, Promise<Room>>();
  readonly #compactions = new Set<Promise<void>>();
  /** Their tombstones are on the way to the disk: nobody opens them. */
  readonly #deleting = new Map<DocumentName, Promise<void>>();
  /** Documents whose referee found culprits: their rooms open guarded. */
  readonly #guarded = new Set<DocumentName>();
  #isClosing = false;

  constructor(context: RoomContext) {
    this.#context = context;
  }

  get openCount(): number {
    return this.#entries.size;
  }

  get rooms(): Iterable<Room> {
    return this.#roomList();
  }

  /**
   * Opens a document, or joins the opening that is under way. Where there are other nodes they are asked first; the
   * answer is not waited for longer than they may take, see relay.ts. @throws ProtocolError
   */
  async open(name: DocumentName): Promise<Room> {
    this.#assertMayOpen(name);
    const room = await this.#open(name);
    return this.#context.relay === undefined ? room : await this.#greet(room, this.#context.relay);
  }

  /** The room of a document if it is open. */
  find(name: DocumentName): Room | null {
    return this.#entries.get(name)?.room ?? null;
  }

  /**
   * Deletes a document for good. First nobody can write or enter any more, then everybody there is told, then the
   * tombstone is written: what raced with it is either before it, and gone with the rest, or refused. Other nodes are
   * told, unless it was one of them that said so.
   * @throws StoreError
   */
  async delete(
    name: DocumentName,
    { isRemote = false, isTold = false }: { isRemote?: boolean } & WriteWord = {},
  ): Promise<void> {
    const running = this.#deleting.get(name);
    if (running !== undefined) {
      await running;
      return;
    }
    const deletion = this.#delete(name, { isTold }).finally(() => {
      this.#deleting.delete(name);
    });
    this.#deleting.set(name, deletion);
    await deletion;
    const { relay, timers } = this.#context;
    if (!isRemote) relay?.deleted(name, timers.wallClock());
  }

  /** Opens a document for one request, which the room then outlives. Ends with a call of `release`. */
  async borrow(name: DocumentName): Promise<{ readonly room: Room; readonly release: () => void }> {
    return await this.#borrow(name, (wanted) => this.open(wanted));
  }

  /** As `borrow`, to store what other nodes send: nobody is asked, and the room closes soon. @throws ProtocolError */
  async visit(name: DocumentName): Promise<{ readonly room: Room; readonly release: () => void }> {
    return await this.#borrow(name, (wanted) => {
      this.#assertMayOpen(wanted);
      return this.#open(wanted);
    });
  }

  async #borrow(
    name: DocumentName,
    open: (name: DocumentName) => Promise<Room>,
  ): Promise<{ readonly room: Room; readonly release: () => void }> {
    let room = await open(name);
    // It may have been closed between its opening and this turn.
    while (room.isDisposed) room = await open(name);
    const release = room.hold();
    return {
      room,
      release: () => {
        release();
        // A room of a document that does not exist is not kept: names cost nothing to guess. Not in this turn: a
        // connection that has opened it at the same time enters first.
        this.#context.timers.setImmediate(() => {
          const entry = this.#entries.get(name);
          if (entry?.room !== room || room.isInUse || room.exists) return;
          this.#evict(entry);
        });
      },
    };
  }

  /** Flushes every room, so that everything accepted is with its peers and in the store's queue. */
  flush(): void {
    for (const { room } of this.#entries.values()) room.flush();
  }

  /** No room opens any more; what is being compacted is waited for. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.flush();
    for (const entry of this.#entries.values()) {
      this.#cancelIdle(entry);
      entry.room.dispose('draining');
    }
    await Promise.allSettled([...this.#opening.values(), ...this.#compactions]);
    this.#context.bases.close();
  }

  #assertMayOpen(name: DocumentName): void {
    if (this.#isClosing) throw new ProtocolError('draining');
    if (this.#deleting.has(name)) throw new ProtocolError('document-deleted');
  }

  async #open(name: DocumentName): Promise<Room> {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry.room;
    return await (this.#opening.get(name) ?? this.#startOpening(name));
  }

  /** Once in the life of a room, before the first of this node enters. */
  async #greet(room: Room, relay: Relay): Promise<Room> {
    const entry = this.#entries.get(room.name);
    // Closed in this turn: who enters is told so.
    if (entry?.room !== room) return room;
    entry.isVisited = false;
    if (entry.greeting === null) {
      const release = room.hold();
      entry.greeting = (relay.opened(room) ?? Promise.resolve()).finally(release);
    }
    await entry.greeting;
    // A room that was deleted or reset meanwhile is opened again, or says why not.
    return room.isDisposed ? await this.open(room.name) : room;
  }

  *#roomList(): Generator<Room> {
    for (const { room } of this.#entries.values()) yield room;
  }

  async #delete(name: DocumentName, word: WriteWord): Promise<void> {
    const { store } = this.#context;
    await this.#opening.get(name)?.catch(() => undefined);
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      // The store keeps what it knows of the document: a compaction may be under way, and has to end first.
      this.#letGo(entry, 'document-deleted');
      entry.room.closeSessions('document-deleted');
    }
    try {
      await store.delete(name, word);
    } finally {
      store.release(name);
    }
  }

  #startOpening(name: DocumentName): Promise<Room> {
    if (this.#entries.size + this.#opening.size >= this.#context.limits.documentsOpenMax) {
      return Promise.reject(new ProtocolError('overloaded', 'too many documents are open'));
    }
    const opening = openRoom(name, this.#context, this.#guarded.has(name))
      .then((room) => {
        this.#admit(room);
        return room;
      })
      .catch((error: unknown) => {
        this.#context.report({ type: 'open-failed', document: name, error });
        throw failureOf(error) ?? new ProtocolError('store-unavailable');
      })
      .finally(() => {
        this.#opening.delete(name);
      });
    this.#opening.set(name, opening);
    return opening;
  }

  #admit(room: Room): void {
    const entry: Entry = {
      room,
      idleTimer: null,
      isCompacting: false,
      failedAtMs: -Infinity,
      isVisited: this.#context.relay !== undefined,
      greeting: null,
    };
    this.#entries.set(room.name, entry);
    const { relay } = this.#context;
    if (relay !== undefined) {
      room.presence.onOwnChanges = (entries) => {
        relay.presence(room, entries, false);
      };
    }
    room.onActivity = () => {
      this.#onActivity(entry);
    };
    // Whoever asked for it joins in this same turn; if they have gone, the room is idle from the start.
    this.#onActivity(entry);
  }

  #onActivity(entry: Entry): void {
    if (this.#isClosing) return;
    const { room } = entry;
    if (!room.isInUse) {
      entry.idleTimer ??= this.#context.timers.setTimeout(() => {
        entry.idleTimer = null;
        this.#onIdle(entry);
      }, this.#idleMs(entry));
    } else {
      this.#cancelIdle(entry);
    }
    if (this.#isTailLong(room)) this.#compact(entry);
  }

  #idleMs({ isVisited }: Entry): number {
    const { roomIdleMs } = this.#context.limits;
    return isVisited ? Math.min(VISIT_IDLE_MS, roomIdleMs) : roomIdleMs;
  }

  #cancelIdle(entry: Entry): void {
    if (entry.idleTimer === null) return;
    this.#context.timers.clearTimeout(entry.idleTimer);
    entry.idleTimer = null;
  }

  #isTailLong(room: Room): boolean {
    const { compactTailUpdates, compactTailBytes } = this.#context.limits;
    const bytesMax = Math.max(compactTailBytes, (room.base?.bytes ?? 0) / 4);
    return room.tailUpdates >= compactTailUpdates || room.tailBytes >= bytesMax;
  }

  #onIdle(entry: Entry): void {
    const { room } = entry;
    if (this.#isClosing || room.isInUse) return;
    const isWorthCompacting =
      room.tailUpdates >= IDLE_TAIL_UPDATES_MIN || room.tailBytes >= IDLE_TAIL_BYTES_MIN;
    if (isWorthCompacting && this.#mayCompact(entry)) this.#compact(entry);
    if (entry.isCompacting || !room.isSettled) {
      // Looked at again when the compaction has ended or the disk has caught up.
      this.#onActivity(entry);
      return;
    }
    this.#evict(entry);
  }

  #evict(entry: Entry): void {
    this.#letGo(entry, 'document-reset');
    this.#context.store.release(entry.room.name);
  }

  #letGo(entry: Entry, why: 'document-reset' | 'document-deleted'): void {
    const { room } = entry;
    // Its sessions may still leave and its last batch become durable: none of that concerns its successor.
    room.onActivity = () => undefined;
    this.#cancelIdle(entry);
    this.#entries.delete(room.name);
    room.dispose(why);
    if (room.base !== null) this.#context.bases.drop(room.name, room.base.generation);
    this.#context.relay?.closed(room);
  }

  #mayCompact(entry: Entry): boolean {
    const isPaused = this.#context.timers.now() - entry.failedAtMs < FAILED_COMPACTION_PAUSE_MS;
    return !entry.isCompacting && !isPaused && this.#context.store.status === 'open';
  }

  #compact(entry: Entry): void {
    if (!this.#mayCompact(entry)) return;
    const { room } = entry;
    entry.isCompacting = true;
    const compaction = this.#runCompaction(entry)
      .catch((error: unknown) => {
        if (room.isDisposed) return;
        entry.failedAtMs = this.#context.timers.now();
        this.#context.stats.compactionFailures += 1;
        this.#context.report({ type: 'compaction-failed', document: room.name, error });
      })
      .finally(() => {
        entry.isCompacting = false;
        room.compaction = null;
        this.#compactions.delete(compaction);
        if (this.#entries.get(room.name) === entry) this.#onActivity(entry);
      });
    room.compaction = compaction;
    this.#compactions.add(compaction);
  }

  async #runCompaction(entry: Entry): Promise<void> {
    const { room } = entry;
    const stored = await this.#context.store.load(room.name);
    const result = await compactStored(room.name, stored, this.#context);
    if (this.#entries.get(room.name) !== entry) return;
    if (room.base !== null) this.#context.bases.drop(room.name, room.base.generation);
    this.#context.bases.put(room.name, result.base.generation, result.chunks);
    room.adoptBase(result.base, result.replaced);
    if (result.quarantined > 0) this.#reset(entry);
  }

  /** The room's version contains what was set aside: everybody reconnects to a room made from the rest. */
  #reset(entry: Entry): void {
    this.#guarded.add(entry.room.name);
    this.#evict(entry);
    entry.room.closeSessions('document-reset');
  }
}
