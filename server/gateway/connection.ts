/**
 * One WebSocket connection: the sending side that rooms see (`Outlet`), the receiving side that turns frames
 * into messages for the session, and the bounds on both: what waits to be sent, what may be read, how long
 * either may stand still. Frames are encoded elsewhere, once; here they are written to the raw socket as they
 * are, between the frames that `ws` writes itself (pings, pongs, close), which it also writes whole.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { ERRORS, type ErrorCode } from '../protocol/errors.ts';
import type { ClientMessage, Frame, Outlet, Wire } from '../rooms/outlet.ts';
import type { Timers } from '../rooms/timers.ts';
import { Budget } from './budget.ts';
import type { Dialect } from './dialects/dialect.ts';

export interface ConnectionLimits {
  readonly frameBytesMax: number;
  readonly sendBufferBytesMax: number;
  readonly sendStallMs: number;
  readonly connectionCpuMs: number;
  readonly connectionBytesPerSecond: number;
  readonly heartbeatIntervalMs: number;
  readonly keepAliveMs: number;
}

export interface ConnectionEvents {
  readonly onMessage: (message: ClientMessage) => void;
  readonly onClose: (closeCode: number) => void;
}

/** Honest peers ping a few times a minute. */
const PINGS_PER_SECOND_MAX = 10;
/** Sustained CPU share times this may be used at once. */
const CPU_BURST_FACTOR = 5;
const MISSED_PINGS_MAX = 2;
/** RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code. */
const CLOSE_REASON_BYTES_MAX = 123;

/** Why a socket is not read at the moment; it is read again when none is left. */
type PauseReason = 'inbox' | 'budget' | 'store';

export class Connection implements Outlet {
  readonly wire: Wire;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #dialect: Dialect;
  readonly #timers: Timers;
  readonly #limits: ConnectionLimits;
  readonly #cpu: Budget;
  readonly #bytes: Budget;
  readonly #pings: Budget;
  #events: ConnectionEvents | null = null;
  readonly #pauses = new Set<PauseReason>();
  readonly #drainCallbacks: (() => void)[] = [];
  #isClosing = false;

  #lastSentMs: number;
  #lastHeardMs: number;
  #pingedMs: number;
  #missedPings = 0;
  /** What the kernel had taken when it last took anything, and when that was. */
  #takenBytes = 0;
  #takenMs: number;

  constructor(
    webSocket: WebSocket,
    socket: Socket,
    dialect: Dialect,
    timers: Timers,
    limits: ConnectionLimits,
  ) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#dialect = dialect;
    this.wire = dialect.wire;
    this.#timers = timers;
    this.#limits = limits;
    this.#cpu = new Budget(limits.connectionCpuMs, limits.connectionCpuMs * CPU_BURST_FACTOR);
    this.#bytes = new Budget(limits.connectionBytesPerSecond, limits.frameBytesMax);
    this.#pings = new Budget(PINGS_PER_SECOND_MAX, PINGS_PER_SECOND_MAX);
    const nowMs = timers.now();
    this.#lastSentMs = nowMs;
    this.#lastHeardMs = nowMs;
    this.#pingedMs = nowMs;
    this.#takenMs = nowMs;
  }

  /** Starts to listen; `events` are called from here on. */
  start(events: ConnectionEvents): void {
    this.#events = events;
    const webSocket = this.#webSocket;
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#onFrame(data, isBinary);
    });
    webSocket.on('ping', () => {
      this.#lastHeardMs = this.#timers.now();
      if (this.#pings.spend(1, this.#lastHeardMs) > 0) this.close('too-many-pings');
    });
    webSocket.on('pong', () => {
      this.#lastHeardMs = this.#timers.now();
    });
    // `ws` has sent the right close frame by itself (1002, 1007, 1009); 'close' follows.
    webSocket.on('error', () => {
      this.#isClosing = true;
    });
    webSocket.on('close', (code: number) => {
      this.#isClosing = true;
      this.#runDrainCallbacks();
      events.onClose(code);
    });
    this.#socket.on('drain', () => {
      this.#runDrainCallbacks();
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosed(): boolean {
    return this.#isClosing;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    const socket = this.#socket;
    // What is already waiting counts, not this frame: one of 15 MB is honest offline work of somebody else.
    if (socket.writableLength > this.#limits.sendBufferBytesMax) {
      this.close('slow-consumer');
      return;
    }
    this.#lastSentMs = this.#timers.now();
    if (frame.length === 1 && frame[0] !== undefined) {
      socket.write(frame[0]);
    } else {
      socket.cork();
      for (const part of frame) socket.write(part);
      socket.uncork();
    }
  }

  onDrain(callback: () => void): void {
    if (this.#isClosing || this.#socket.writableLength === 0) this.#timers.setImmediate(callback);
    else this.#drainCallbacks.push(callback);
  }

  setReading(isReading: boolean): void {
    this.#setPaused('inbox', !isReading);
  }

  /** The store's queue is full: nobody is read until it has room again. */
  setStoreFull(isFull: boolean): void {
    this.#setPaused('store', isFull);
  }

  close(code: ErrorCode, detail?: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const entry = ERRORS[code];
    const reason = detail === undefined ? code : `${code}: ${detail}`;
    this.#webSocket.resume();
    this.#webSocket.close(entry.close, reason.slice(0, CLOSE_REASON_BYTES_MAX));
    this.#runDrainCallbacks();
    // A peer that reads nothing will not read a close frame either.
    if (code === 'slow-consumer') this.#webSocket.terminate();
  }

  terminate(): void {
    this.#isClosing = true;
    this.#webSocket.terminate();
  }

  /** Called about once a second. Returns how long ago something was last sent, milliseconds. */
  sweep(nowMs: number): number {
    if (this.#isClosing) return 0;
    const limits = this.#limits;
    const takenBytes = this.#socket.bytesWritten - this.#socket.writableLength;
    if (this.#socket.writableLength === 0 || takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#takenMs = nowMs;
    } else if (nowMs - this.#takenMs >= limits.sendStallMs) {
      this.close('slow-consumer');
      return 0;
    }
    if (nowMs - this.#pingedMs >= limits.heartbeatIntervalMs) this.#ping(nowMs);
    return nowMs - this.#lastSentMs;
  }

  #ping(nowMs: number): void {
    const isSilent = this.#lastHeardMs < this.#pingedMs && this.#pauses.size === 0;
    this.#missedPings = isSilent ? this.#missedPings + 1 : 0;
    if (this.#missedPings >= MISSED_PINGS_MAX) {
      this.#webSocket.close(ERRORS['heartbeat-lost'].close, 'heartbeat-lost');
      this.terminate();
      return;
    }
    this.#pingedMs = nowMs;
    this.#webSocket.ping();
  }

  #onFrame(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    const startedMs = this.#timers.now();
    this.#lastHeardMs = startedMs;
    if (!isBinary) {
      this.close('text-frame');
      return;
    }
    const decoded = this.#dialect.decode(data);
    if (!decoded.ok) {
      this.close(decoded.code, decoded.detail);
      return;
    }
    for (const message of decoded.messages) this.#events?.onMessage(message);
    const nowMs = this.#timers.now();
    const waitMs = Math.max(
      this.#cpu.spend(nowMs - startedMs, nowMs),
      this.#bytes.spend(data.byteLength, nowMs),
    );
    if (waitMs > 0 && !this.#pauses.has('budget')) {
      this.#setPaused('budget', true);
      this.#timers.setTimeout(() => {
        this.#setPaused('budget', false);
      }, waitMs);
    }
  }

  #setPaused(reason: PauseReason, isPaused: boolean): void {
    const wasPaused = this.#pauses.size > 0;
    if (isPaused) this.#pauses.add(reason);
    else this.#pauses.delete(reason);
    const nowPaused = this.#pauses.size > 0;
    if (this.#isClosing || wasPaused === nowPaused) return;
    if (nowPaused) this.#webSocket.pause();
    else this.#webSocket.resume();
  }

  #runDrainCallbacks(): void {
    const callbacks = this.#drainCallbacks.splice(0);
    for (const callback of callbacks) callback();
  }
}
