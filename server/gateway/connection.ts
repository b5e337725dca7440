/**
 * One WebSocket connection: the sending side that rooms see (`SocketOutlet`), the receiving side that turns
 * frames into messages, and the bounds on what may be read. Frames are encoded elsewhere, once; here they are
 * written to the raw socket as they are, between the frames that `ws` writes itself (pings, pongs, close), which
 * it also writes whole.
 *
 * A node has tens of thousands of these and most are idle: listeners are shared functions, and what is rarely
 * needed is not allocated before.
 */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { SocketOutlet, type SendLimits } from '../connections/socket-outlet.ts';
import { ERRORS, type ErrorCode } from '../protocol/errors.ts';
import type { Frame, Wire } from '../rooms/outlet.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Party } from './dialects/dialect.ts';

export interface ConnectionLimits extends SendLimits {
  readonly frameBytesMax: number;
  readonly connectionCpuMs: number;
  readonly connectionBytesPerSecond: number;
  readonly heartbeatIntervalMs: number;
}

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly timers: Timers;
  readonly limits: ConnectionLimits;
}

/** Honest peers ping a few times a minute. */
const PINGS_PER_SECOND_MAX = 10;
/** Sustained CPU share times this may be used at once. */
const CPU_BURST_FACTOR = 5;
const MISSED_PINGS_MAX = 2;
/** RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code. */
const CLOSE_REASON_BYTES_MAX = 123;

/** Why a socket is not read at the moment, as bits; it is read again when none is left. */
const PAUSED = { inbox: 1, budget: 2, store: 4 } as const;

/** A WebSocket that knows its connection, so that listeners need no closures of their own. */
export class ConnectionSocket extends WebSocket {
  connection: Connection | null = null;
}

/** `ws` has no public way to change the limit of an open socket (8.23, lib/receiver.js); a test says when that breaks. */
interface Receiving {
  readonly _receiver: { _maxPayload: number };
}

export class Connection extends SocketOutlet {
  readonly #webSocket: ConnectionSocket;
  readonly #context: ConnectionContext;
  #party: Party;
  #pauses = 0;

  #lastHeardMs: number;
  #pingedMs: number;
  #missedPings = 0;
  /** Spent beyond the steady allowance; each sweep takes off a second's worth. [I6] */
  #cpuMs = 0;
  #bytes = 0;
  #pings = 0;

  constructor(
    webSocket: ConnectionSocket,
    socket: Socket,
    context: ConnectionContext,
    makeParty: (connection: Connection) => Party,
  ) {
    super(socket, context.timers, context.limits);
    this.#webSocket = webSocket;
    this.#context = context;
    const nowMs = context.timers.now();
    this.#lastHeardMs = nowMs;
    this.#pingedMs = nowMs;
    this.#party = makeParty(this);
    webSocket.connection = this;
    webSocket.on('message', onMessage);
    webSocket.on('ping', onPing);
    webSocket.on('pong', onPong);
    webSocket.on('error', onError);
    webSocket.on('close', onClose);
  }

  override get wire(): Wire {
    return this.#party.wire;
  }

  /** Its frames mean something else from now on. */
  handTo(party: Party): void {
    this.#party = party;
  }

  /** Of a client that was let in only now: its frames may be as large as everybody's. */
  raiseFrameLimit(): void {
    (this.#webSocket as unknown as Receiving)._receiver._maxPayload =
      this.#context.limits.frameBytesMax;
  }

  refuse(update: Uint8Array, code: ErrorCode): 'told' | 'unsaved' | 'close' {
    return this.#party.refuse?.(update, code) ?? 'close';
  }

  override setReading(isReading: boolean): void {
    this.#setPaused(PAUSED.inbox, !isReading);
  }

  /** The store's queue is full: nobody is read until it has room again. */
  setStoreFull(isFull: boolean): void {
    this.#setPaused(PAUSED.store, isFull);
  }

  override close(code: ErrorCode, detail?: string): void {
    if (this.isClosing) return;
    this.isClosing = true;
    const reason = detail === undefined || detail === '' ? code : `${code}: ${detail}`;
    this.#webSocket.resume();
    this.#webSocket.close(ERRORS[code].close, reason.slice(0, CLOSE_REASON_BYTES_MAX));
    this.runDrainCallbacks();
    // A peer that reads nothing, or is gone, will not answer a close frame either.
    if (code === 'slow-consumer' || code === 'heartbeat-lost') this.#webSocket.terminate();
  }

  terminate(): void {
    this.isClosing = true;
    this.#webSocket.terminate();
  }

  /** Called about once a second. Returns how long ago something was last sent, milliseconds. */
  sweep(nowMs: number): number {
    if (this.isClosing) return 0;
    const { limits } = this.#context;
    const silentMs = this.sweepSending(nowMs);
    if (this.isClosed) return 0;
    this.#pings = 0;
    this.#cpuMs = Math.max(0, this.#cpuMs - limits.connectionCpuMs);
    this.#bytes = Math.max(0, this.#bytes - limits.connectionBytesPerSecond);
    if ((this.#pauses & PAUSED.budget) !== 0 && !this.#isOverBudget()) {
      this.#setPaused(PAUSED.budget, false);
    }
    if (nowMs - this.#pingedMs >= limits.heartbeatIntervalMs) this.#ping(nowMs);
    return silentMs;
  }

  onFrame(data: Buffer, isBinary: boolean): void {
    if (this.isClosing) return;
    const { timers } = this.#context;
    const startedMs = timers.now();
    this.#lastHeardMs = startedMs;
    if (!isBinary) {
      this.close('text-frame');
      return;
    }
    const refusal = this.#party.onFrame(data);
    if (refusal !== null) {
      this.close(refusal.code, refusal.detail);
      return;
    }
    this.#cpuMs += timers.now() - startedMs;
    this.#bytes += data.byteLength;
    if (this.#isOverBudget()) this.#setPaused(PAUSED.budget, true);
  }

  onPing(): void {
    this.onPong();
    this.#pings += 1;
    if (this.#pings > PINGS_PER_SECOND_MAX) this.close('too-many-pings');
  }

  onPong(): void {
    this.#lastHeardMs = this.#context.timers.now();
  }

  onClosing(): void {
    this.isClosing = true;
  }

  onClosed(closeCode: number): void {
    this.isClosing = true;
    this.runDrainCallbacks();
    this.#party.onClose(closeCode);
  }

  protected override write(frame: Frame): void {
    const { socket } = this;
    if (frame.length === 1 && frame[0] !== undefined) {
      socket.write(frame[0]);
    } else {
      socket.cork();
      for (const part of frame) socket.write(part);
      socket.uncork();
    }
  }

  #ping(nowMs: number): void {
    const isSilent = this.#lastHeardMs < this.#pingedMs && this.#pauses === 0;
    this.#missedPings = isSilent ? this.#missedPings + 1 : 0;
    if (this.#missedPings >= MISSED_PINGS_MAX) {
      this.close('heartbeat-lost');
      return;
    }
    this.#pingedMs = nowMs;
    this.#webSocket.ping();
  }

  /** Over the burst; who is gets slowed (the socket is not read for a while), never dropped. */
  #isOverBudget(): boolean {
    const { connectionCpuMs, frameBytesMax } = this.#context.limits;
    return this.#cpuMs > connectionCpuMs * CPU_BURST_FACTOR || this.#bytes > 2 * frameBytesMax;
  }

  #setPaused(reason: number, isPaused: boolean): void {
    const before = this.#pauses;
    this.#pauses = isPaused ? before | reason : before & ~reason;
    if (this.isClosing || (before === 0) === (this.#pauses === 0)) return;
    if (this.#pauses === 0) this.#webSocket.resume();
    else this.#webSocket.pause();
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  (this as ConnectionSocket).connection?.onFrame(data as Buffer, isBinary);
}

function onPing(this: WebSocket): void {
  (this as ConnectionSocket).connection?.onPing();
}

function onPong(this: WebSocket): void {
  (this as ConnectionSocket).connection?.onPong();
}

/** `ws` has sent the right close frame by itself (1002, 1007, 1009); 'close' follows. */
function onError(this: WebSocket): void {
  (this as ConnectionSocket).connection?.onClosing();
}

function onClose(this: WebSocket, closeCode: number): void {
  (this as ConnectionSocket).connection?.onClosed(closeCode);
}
