/**
 * Everybody who is connected to this node, over a WebSocket or an event stream: how many there may be, the
 * once-a-second sweep over them (stalls, keep-alives, slow acks), and the goodbye in waves.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Pass } from './pass.ts';
import type { Session } from '../rooms/session.ts';
import { pause, type TimerHandle, type Timers } from '../rooms/timers.ts';

/** One of them. */
export interface Connected {
  readonly session: Session;
  readonly document: DocumentName;
  readonly transport: 'websocket' | 'events';
  /** On the monotonic clock. */
  readonly openedMs: number;
  /** What lets it in; null on a node without access control. Checked by the sweep: a connection needs no timers. */
  readonly pass?: Pass | null;
  /** When a session whose acks are held was last asked for what it has. Kept by the sweep. */
  askedMs: number;
  /** Called about once a second. Returns how long ago something was last sent, milliseconds. */
  sweep(nowMs: number): number;
  /** The store's queue is full: nobody is read until it has room again. */
  setStoreFull(isFull: boolean): void;
  /** Ends it without waiting for anybody. */
  terminate(): void;
}

/** A socket without a session, or with several: it is looked after like one, and ends with the others. */
export interface Socketed {
  sweep(nowMs: number): number;
  setStoreFull(isFull: boolean): void;
  close(code: 'draining'): void;
  terminate(): void;
}

export interface ConnectionsOptions {
  readonly timers: Timers;
  readonly limits: { readonly connectionsMax: number; readonly keepAliveMs: number };
}

const SWEEP_MS = 1000;
/** A held ack is answered with the last durable one this often; Y-Sweet clients give up after 3 s. */
const REASSURE_MS = 1000;
const ASK_AGAIN_MS = 10_000;
/** On drain, connections are closed in this many waves. */
const WAVES = 20;
/** Fewer connections than this are no herd: they are closed at once. */
const HERD = 100;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connected>();
  readonly #sockets = new Set<Socketed>();
  #sweepTimer: TimerHandle | null = null;
  #isDraining = false;
  #isStoreFull = false;
  /** On their way in: their tokens are being looked at. */
  #pending = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Those in a document, for operators. */
  *of(document: DocumentName): Iterable<Connected> {
    for (const connected of this.#all) if (connected.document === document) yield connected;
  }

  /** Why nobody may come in at the moment; null when they may. */
  get refusal(): 'draining' | 'overloaded' | null {
    if (this.#isDraining) return 'draining';
    const { connectionsMax } = this.#options.limits;
    const count = this.#all.size + this.#sockets.size + this.#pending;
    return count >= connectionsMax ? 'overloaded' : null;
  }

  /** Keeps a place for somebody who is being looked at. Returns what gives it back, once however often called. */
  reserve(): () => void {
    this.#pending += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#pending -= 1;
      isHeld = false;
    };
  }

  /** Something was revoked: whoever it concerns goes now. */
  checkPasses(): void {
    for (const { pass, session } of this.#all) pass?.check(session);
  }

  add(connected: Connected): void {
    this.#all.add(connected);
    if (this.#isStoreFull) connected.setStoreFull(true);
  }

  delete(connected: Connected): void {
    this.#all.delete(connected);
  }

  addSocket(socket: Socketed): void {
    this.#sockets.add(socket);
    if (this.#isStoreFull) socket.setStoreFull(true);
  }

  deleteSocket(socket: Socketed): void {
    this.#sockets.delete(socket);
  }

  start(): void {
    this.#scheduleSweep();
  }

  /** Stops or restarts reading from every connection: the store's queue is bounded. [I6] */
  setStoreFull(isFull: boolean): void {
    this.#isStoreFull = isFull;
    for (const connected of this.#all) connected.setStoreFull(isFull);
    for (const socket of this.#sockets) socket.setStoreFull(isFull);
  }

  /** Nobody comes in any more; those who are here stay until `closeAll`. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** Says goodbye in waves, so that the clients do not all reconnect in the same instant. */
  async closeAll(spreadMs: number): Promise<void> {
    const all = [...this.#all];
    const waves = all.length < HERD ? 1 : WAVES;
    const perWave = Math.ceil(all.length / waves);
    for (let start = 0; start < all.length; start += perWave) {
      for (const { session } of all.slice(start, start + perWave)) session.close('draining');
      if (start + perWave < all.length) await pause(this.#options.timers, spreadMs / waves);
    }
    for (const socket of this.#sockets) socket.close('draining');
  }

  /** Ends what is left without waiting for anybody. */
  stop(): void {
    this.#isDraining = true;
    if (this.#sweepTimer !== null) this.#options.timers.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    for (const connected of this.#all) connected.terminate();
    for (const socket of this.#sockets) socket.terminate();
  }

  #scheduleSweep(): void {
    this.#sweepTimer = this.#options.timers.setTimeout(() => {
      this.#sweep();
      this.#scheduleSweep();
    }, SWEEP_MS);
  }

  #sweep(): void {
    const { timers, limits } = this.#options;
    const nowMs = timers.now();
    for (const socket of this.#sockets) socket.sweep(nowMs);
    for (const connected of this.#all) {
      const silentMs = connected.sweep(nowMs);
      const { session, pass } = connected;
      pass?.check(session);
      if (session.isWaitingForAck && silentMs >= REASSURE_MS) session.reassure();
      else if (silentMs >= limits.keepAliveMs) session.keepAlive();
      if (nowMs - connected.askedMs >= ASK_AGAIN_MS) {
        connected.askedMs = nowMs;
        session.askAgain();
      }
    }
  }
}
