/**
 * Updates of other nodes on their way into rooms, in order for each document: checked, stored and shown like any
 * other, and never sent on. A document that is not open is visited for it, and left soon after.
 *
 *   put ──▶ queue ──room.offer──┬─ accepted / redundant
 *             ▲                 ├─ gap: parked until something else was accepted, or given up
 *             └──────parked─────┴─ refused: dropped, and told with its origin
 *
 * Bounded: bytes of each document and of all, rooms being opened at a time, what is parked. What exceeds that is
 * dropped and counted; anti-entropy brings it again. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Offer } from '../rooms/admission.ts';
import type { Author } from '../rooms/author.ts';
import { EMPTY_UPDATE } from '../rooms/catch-up.ts';
import type { Room } from '../rooms/room.ts';
import type { EditTrace } from '../rooms/tracing.ts';
import { isSame } from './digest.ts';
import type { FanoutScene } from './part.ts';
import type { FanoutDrop, FanoutStats } from './stats.ts';
import { isDeletion, visit, type Visit } from './visit.ts';

/** Of one document; an answer's updates come whole, so one of them may always wait. */
const QUEUE_BYTES_MAX: number = 4 * 1024 * 1024;
const TOTAL_BYTES_MAX: number = 64 * 1024 * 1024;
const PARKED_MAX = 256;
const PARKED_BYTES_MAX: number = 1024 * 1024;
/** Of all documents. */
const PARKED_TOTAL_BYTES_MAX: number = 16 * 1024 * 1024;
/** What an update that waits costs beside its bytes: most have a few dozen. */
export const ARRIVAL_BYTES = 512;
const OPENINGS_MAX = 16;
/** A room is kept for this long after the last update, so that a document that is edited elsewhere stays open. */
const STAY_MS = 2_000;
const ATTEMPTS_MAX = 3;

export type Outcome = 'accepted' | 'redundant' | 'early' | 'refused' | 'dropped' | 'deleted';

export interface Arrival {
  readonly document: DocumentName;
  readonly update: Uint8Array;
  readonly origin: string;
  readonly trace?: EditTrace | null;
  /** `storeSeq`: on disk when the room has reached it. An early one may be settled twice, `early` first. */
  readonly onSettled: (outcome: Outcome, room: Room | null, storeSeq: number) => void;
}

interface Box {
  readonly document: DocumentName;
  readonly queue: Arrival[];
  parked: Arrival[];
  queuedBytes: number;
  parkedBytes: number;
  visit: Visit | null;
  isRunning: boolean;
  attempts: number;
  usedMs: number;
}

const REMOTE: Author = { isClosed: false, canWrite: true, isRemote: true };
/** Its node tells webhooks of it. */
const TELLING: Author = { ...REMOTE, isTold: true };

export class Inbox {
  readonly #scene: FanoutScene;
  readonly #stats: FanoutStats;
  readonly #boxes = new Map<DocumentName, Box>();
  readonly #waiting: Box[] = [];
  #openings = 0;
  #bytes = 0;
  #parkedBytes = 0;
  #isClosed = false;

  constructor(scene: FanoutScene, stats: FanoutStats) {
    this.#scene = scene;
    this.#stats = stats;
  }

  /** Waiting to be looked at, or for what they build on, of all documents. */
  get bytes(): number {
    return this.#bytes + this.#parkedBytes;
  }

  get documentCount(): number {
    return this.#boxes.size;
  }

  put(arrival: Arrival): void {
    const { document, update } = arrival;
    const { registry, store, isFull, timers } = this.#scene;
    if (this.#isClosed) return;
    // Replication of what is open only.
    if (!isFull && registry.find(document) === null) return this.#drop(arrival, 'not-taken');
    let box = this.#boxes.get(document);
    const cost = costOf(arrival);
    const isOver =
      box !== undefined && box.queue.length > 0 && box.queuedBytes + cost > QUEUE_BYTES_MAX;
    if (isOver || this.#bytes + cost > TOTAL_BYTES_MAX || store.isFull) {
      return this.#drop(arrival, 'inbox-full');
    }
    if (box === undefined) this.#boxes.set(document, (box = newBox(document)));
    box.usedMs = timers.now();
    // What waits must not keep the buffer alive that it is a view of.
    const isAtOnce = !box.isRunning && box.visit !== null;
    box.queue.push(isAtOnce ? arrival : { ...arrival, update: new Uint8Array(update) });
    box.queuedBytes += cost;
    this.#bytes += cost;
    this.#run(box);
  }

  /** Once a second: rooms in which nothing arrives any more are left. */
  tick(): void {
    const nowMs = this.#scene.timers.now();
    for (const box of this.#boxes.values()) {
      if (!box.isRunning && nowMs - box.usedMs >= STAY_MS) this.#leave(box);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const box of this.#boxes.values()) this.#leave(box);
  }

  #run(box: Box): void {
    if (box.isRunning) return;
    box.isRunning = true;
    this.#step(box);
  }

  /** Synchronous while nothing has to be waited for: most updates are looked at in the turn they come. */
  #step(box: Box): void {
    while (!this.#isClosed) {
      const arrival = box.queue[0];
      if (arrival === undefined) break;
      if (box.visit === null || box.visit.room.isDisposed) return this.#open(box);
      let offer: Offer | Promise<Offer>;
      try {
        offer = this.#offer(box.visit.room, arrival);
      } catch (error) {
        this.#failed(box, error);
        continue;
      }
      if (offer instanceof Promise) {
        offer
          .then(
            (result) => {
              this.#settle(box, arrival, result);
            },
            (error: unknown) => {
              this.#failed(box, error);
            },
          )
          .finally(() => {
            this.#step(box);
          });
        return;
      }
      this.#settle(box, arrival, offer);
    }
    box.isRunning = false;
  }

  /** Nothing at all is content too, where there was none: it says that the document exists. */
  #offer(room: Room, { update, origin, trace = null }: Arrival): Offer | Promise<Offer> {
    const author = this.#scene.tells(origin) ? TELLING : REMOTE;
    const isCreation = update.length === EMPTY_UPDATE.length && !room.exists;
    return isCreation && isSame(update, EMPTY_UPDATE)
      ? room.seed(EMPTY_UPDATE, author)
      : room.offer(update, author, trace);
  }

  #open(box: Box): void {
    if (this.#openings >= OPENINGS_MAX) {
      this.#waiting.push(box);
      return;
    }
    this.#openings += 1;
    box.visit?.release();
    box.visit = null;
    visit(this.#scene, box.document)
      .then(
        (opened) => {
          if (this.#isClosed) opened.release();
          else box.visit = opened;
        },
        (error: unknown) => {
          this.#failed(box, error);
        },
      )
      .finally(() => {
        this.#openings -= 1;
        this.#step(box);
        const next = this.#waiting.shift();
        if (next !== undefined) this.#open(next);
      });
  }

  #settle(box: Box, arrival: Arrival, offer: Offer): void {
    this.#take(box);
    box.attempts = 0;
    const room = box.visit?.room ?? null;
    const storeSeq = room?.appliedSeq ?? -1;
    switch (offer.kind) {
      case 'accepted':
        this.#stats.taken += 1;
        this.#unpark(box);
        arrival.onSettled('accepted', room, storeSeq);
        break;
      case 'redundant':
        arrival.onSettled('redundant', room, storeSeq);
        break;
      case 'gap':
        this.#park(box, arrival);
        arrival.onSettled('early', room, storeSeq);
        break;
      case 'refused': {
        this.#stats.dropped.refused += 1;
        const { origin, document } = arrival;
        this.#scene.report({ type: 'refused', origin, document, reason: offer.reason });
        arrival.onSettled('refused', room, storeSeq);
        break;
      }
    }
  }

  /** A room that was reset is opened again; what else fails is left to anti-entropy. */
  #failed(box: Box, error: unknown): void {
    box.attempts += 1;
    const isReset = error instanceof ProtocolError && error.code === 'document-reset';
    if (isReset && box.attempts < ATTEMPTS_MAX) return;
    box.attempts = 0;
    for (let arrival = box.queue[0]; arrival !== undefined; arrival = box.queue[0]) {
      this.#take(box);
      if (isDeletion(error)) arrival.onSettled('deleted', null, -1);
      else this.#drop(arrival, 'not-taken');
    }
  }

  #take(box: Box): void {
    const arrival = box.queue.shift();
    if (arrival === undefined) return;
    box.queuedBytes -= costOf(arrival);
    this.#bytes -= costOf(arrival);
  }

  #park(box: Box, arrival: Arrival): void {
    const cost = costOf(arrival);
    const isOver =
      box.parkedBytes + cost > PARKED_BYTES_MAX ||
      this.#parkedBytes + cost > PARKED_TOTAL_BYTES_MAX;
    if (box.parked.length >= PARKED_MAX || isOver) {
      this.#stats.dropped.early += 1;
      return;
    }
    box.parked.push({ ...arrival, update: new Uint8Array(arrival.update) });
    box.parkedBytes += cost;
    this.#parkedBytes += cost;
  }

  #unpark(box: Box): void {
    if (box.parked.length === 0) return;
    box.queue.unshift(...box.parked);
    box.queuedBytes += box.parkedBytes;
    this.#bytes += box.parkedBytes;
    this.#parkedBytes -= box.parkedBytes;
    box.parked = [];
    box.parkedBytes = 0;
  }

  #drop(arrival: Arrival, reason: FanoutDrop): void {
    this.#stats.dropped[reason] += 1;
    arrival.onSettled('dropped', null, -1);
  }

  #leave(box: Box): void {
    this.#stats.dropped.early += box.parked.length;
    this.#parkedBytes -= box.parkedBytes;
    this.#bytes -= box.queuedBytes;
    this.#boxes.delete(box.document);
    box.visit?.release();
    box.visit = null;
  }
}

function costOf({ update }: Arrival): number {
  return update.length + ARRIVAL_BYTES;
}

function newBox(document: DocumentName): Box {
  return {
    document,
    queue: [],
    parked: [],
    queuedBytes: 0,
    parkedBytes: 0,
    visit: null,
    isRunning: false,
    attempts: 0,
    usedMs: 0,
  };
}
