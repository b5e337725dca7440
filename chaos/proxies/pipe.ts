/**
 * One direction of one connection through a proxy. What comes waits here until it is due and the lane flows; a lane
 * is shared by all connections of a link, so that one setting breaks them all. Ends and resets wait like bytes.
 */
import type { Socket } from 'node:net';

/**
 *   flow   bytes pass, late or slowly if the lane says so
 *   hold   bytes wait, as behind a cable that was pulled: nobody is told, and `flow` lets everything go
 *   drop   bytes vanish, as behind a route that leads nowhere; the stream can't be healed and is reset on `flow`
 */
export type Flow = 'flow' | 'hold' | 'drop';

export interface Lane {
  flow: Flow;
  delayMs: number;
  /** Up to this much more, at random; order is kept, as TCP keeps it. */
  jitterMs: number;
  /** Null: as fast as it goes. */
  bytesPerSecond: number | null;
  /** The next piece is cut in the middle and its connection reset. */
  cutsNext: boolean;
  readonly counts: LaneCounts;
}

/** What proves that a fault happened. */
export interface LaneCounts {
  bytes: number;
  heldBytes: number;
  droppedBytes: number;
  delayedPieces: number;
  throttledPieces: number;
  cutPieces: number;
}

export function createLane(): Lane {
  return {
    flow: 'flow',
    delayMs: 0,
    jitterMs: 0,
    bytesPerSecond: null,
    cutsNext: false,
    counts: {
      bytes: 0,
      heldBytes: 0,
      droppedBytes: 0,
      delayedPieces: 0,
      throttledPieces: 0,
      cutPieces: 0,
    },
  };
}

/** Makes pieces of a stream: at once or later, as many as it likes, in any order. */
export interface Tap {
  write(chunk: Buffer): void;
  close(): void;
}

export type MakeTap = (emit: (piece: Buffer) => void) => Tap;

type Item =
  | { readonly kind: 'data'; readonly data: Buffer; readonly dueMs: number }
  | { readonly kind: 'end'; readonly dueMs: number }
  | { readonly kind: 'reset'; readonly dueMs: number };

/** A source is read no further when this much of it waits here, bytes. */
const BUFFER_BYTES_MAX: number = 1024 * 1024;
/** What a throttled lane passes at once, in time: smaller pieces cost more than they show. */
const THROTTLE_SLICE_MS = 50;

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #lane: Lane;
  readonly #tap: Tap | null;
  readonly #random: () => number;
  readonly #onCut: () => void;
  #items: Item[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isBlocked = false;
  #lastDueMs = 0;
  /** When a throttled lane has passed what it was given last. */
  #freeAtMs = 0;
  hasLost = false;

  constructor(options: {
    readonly from: Socket;
    readonly to: Socket;
    readonly lane: Lane;
    readonly makeTap: MakeTap | null;
    readonly random: () => number;
    readonly onCut: () => void;
  }) {
    const { from, to, lane, makeTap, random, onCut } = options;
    this.#from = from;
    this.#to = to;
    this.#lane = lane;
    this.#random = random;
    this.#onCut = onCut;
    this.#tap =
      makeTap?.((piece) => {
        this.#pushData(piece);
      }) ?? null;
    from.on('data', (data: Buffer) => {
      if (this.#tap === null) this.#pushData(data);
      else this.#tap.write(data);
    });
    from.on('end', () => {
      this.#push({ kind: 'end', dueMs: this.#dueMs() });
    });
    from.on('error', () => {
      this.#push({ kind: 'reset', dueMs: this.#dueMs() });
    });
    to.on('drain', () => {
      this.#isBlocked = false;
      this.pump();
    });
  }

  /** Passes on what may pass by now. */
  pump(): void {
    const lane = this.#lane;
    if (lane.flow === 'drop') this.#lose();
    while (lane.flow === 'flow' && !this.#isBlocked) {
      const item = this.#items[0];
      if (item === undefined) break;
      const waitMs = Math.max(item.dueMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#wake(waitMs);
        break;
      }
      this.#items.shift();
      if (!this.#pass(item)) return;
    }
    if (this.#bytes <= BUFFER_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#tap?.close();
    this.#items = [];
    reset(this.#from);
  }

  #dueMs(): number {
    const { delayMs, jitterMs } = this.#lane;
    const dueMs = performance.now() + delayMs + (jitterMs === 0 ? 0 : this.#random() * jitterMs);
    // Not before what came earlier: a stream keeps its order.
    this.#lastDueMs = Math.max(dueMs, this.#lastDueMs);
    return this.#lastDueMs;
  }

  #pushData(data: Buffer): void {
    const { counts, flow, delayMs, jitterMs } = this.#lane;
    if (flow === 'hold') counts.heldBytes += data.length;
    if (delayMs + jitterMs > 0) counts.delayedPieces += 1;
    this.#bytes += data.length;
    this.#push({ kind: 'data', data, dueMs: this.#dueMs() });
    if (this.#bytes > BUFFER_BYTES_MAX) this.#from.pause();
  }

  #push(item: Item): void {
    this.#items.push(item);
    this.pump();
  }

  /** False: the connection is gone. */
  #pass(item: Item): boolean {
    if (item.kind === 'end') this.#to.end();
    else if (item.kind === 'reset') reset(this.#to);
    else return this.#passData(item.data, item.dueMs);
    return true;
  }

  #passData(data: Buffer, dueMs: number): boolean {
    const lane = this.#lane;
    this.#bytes -= data.length;
    if (lane.cutsNext && data.length > 1) {
      lane.cutsNext = false;
      lane.counts.cutPieces += 1;
      this.#to.write(data.subarray(0, Math.floor(data.length / 2)), () => {
        this.#onCut();
      });
      return false;
    }
    const slice = this.#sliceOf(data);
    if (slice.length < data.length) {
      const rest = data.subarray(slice.length);
      this.#bytes += rest.length;
      this.#items.unshift({ kind: 'data', data: rest, dueMs });
    }
    if (lane.bytesPerSecond !== null) {
      lane.counts.throttledPieces += 1;
      this.#freeAtMs = performance.now() + (slice.length / lane.bytesPerSecond) * 1_000;
    }
    lane.counts.bytes += slice.length;
    this.#isBlocked = this.#to.writable && !this.#to.write(slice);
    return true;
  }

  #sliceOf(data: Buffer): Buffer {
    const { bytesPerSecond } = this.#lane;
    if (bytesPerSecond === null) return data;
    const most = Math.max(1, Math.floor((bytesPerSecond * THROTTLE_SLICE_MS) / 1_000));
    return data.subarray(0, most);
  }

  #wake(waitMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.pump();
    }, waitMs);
  }

  #lose(): void {
    if (this.#items.length > 0) this.hasLost = true;
    this.#lane.counts.droppedBytes += this.#bytes;
    this.#items = [];
    this.#bytes = 0;
  }
}

export function reset(socket: Socket): void {
  // Unix sockets know no reset, and a socket without a family is one (or is connecting).
  if (socket.connecting || socket.remoteFamily === undefined) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}
