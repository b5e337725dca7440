/**
 * The sending side of one TCP connection, whatever is spoken over it: a WebSocket or an event stream. Owns the
 * bounds on what waits to be sent: who has too much waiting, or takes nothing for too long, is closed. How a
 * frame is written and how a goodbye is said is the transport's business.
 */
import type { Socket } from 'node:net';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Frame, Outlet, Wire } from '../rooms/outlet.ts';
import type { Timers } from '../rooms/timers.ts';

export interface SendLimits {
  readonly sendBufferBytesMax: number;
  readonly sendStallMs: number;
}

export abstract class SocketOutlet implements Outlet {
  abstract readonly wire: Wire;
  protected readonly socket: Socket;
  protected readonly timers: Timers;
  protected isClosing = false;
  readonly #limits: SendLimits;
  #drainCallbacks: (() => void)[] | null = null;
  #lastSentMs: number;
  /** What the kernel had taken when it last took anything, and when that was. */
  #takenBytes = 0;
  #takenMs: number;

  constructor(socket: Socket, timers: Timers, limits: SendLimits) {
    this.socket = socket;
    this.timers = timers;
    this.#limits = limits;
    this.#lastSentMs = timers.now();
    this.#takenMs = this.#lastSentMs;
  }

  abstract setReading(isReading: boolean): void;
  abstract close(code: ErrorCode, detail?: string): void;
  protected abstract write(frame: Frame): void;

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get isClosed(): boolean {
    return this.isClosing;
  }

  send(frame: Frame): void {
    if (this.isClosing) return;
    // What is already waiting counts, not this frame: one of 15 MB is honest offline work of somebody else.
    if (this.socket.writableLength > this.#limits.sendBufferBytesMax) {
      this.close('slow-consumer');
      return;
    }
    this.#lastSentMs = this.timers.now();
    this.write(frame);
  }

  /** How long ago something was last sent, milliseconds. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastSentMs;
  }

  onDrain(callback: () => void): void {
    if (this.isClosing || this.socket.writableLength === 0) {
      this.timers.setImmediate(callback);
    } else if (this.#drainCallbacks === null) {
      this.#drainCallbacks = [callback];
      this.socket.once('drain', () => {
        this.runDrainCallbacks();
      });
    } else {
      this.#drainCallbacks.push(callback);
    }
  }

  /** Closes a reader that stalls. Returns how long ago something was last sent, milliseconds. */
  protected sweepSending(nowMs: number): number {
    const takenBytes = this.socket.bytesWritten - this.socket.writableLength;
    if (this.socket.writableLength === 0 || takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#takenMs = nowMs;
    } else if (nowMs - this.#takenMs >= this.#limits.sendStallMs) {
      this.close('slow-consumer');
      return 0;
    }
    return nowMs - this.#lastSentMs;
  }

  protected runDrainCallbacks(): void {
    const callbacks = this.#drainCallbacks;
    this.#drainCallbacks = null;
    if (callbacks !== null) for (const callback of callbacks) callback();
  }
}
