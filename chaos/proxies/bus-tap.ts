/**
 * Looks into a node's connections to a Redis and decides about single messages: a proxy of bytes cannot, because TCP
 * would repair it. Rules are asked in order for every message that arrives; the first that answers decides.
 */
import { readBusMessage, type BusMessage } from './bus-message.ts';
import type { MakeTap, Tap } from './pipe.ts';
import type { Taps } from './link-proxy.ts';
import { encodeStrings, RespReader, type Frame } from './resp.ts';

export type Fate =
  | { readonly do: 'drop' }
  | { readonly do: 'duplicate' }
  | { readonly do: 'corrupt' }
  | { readonly do: 'delay'; readonly delayMs: number };

export interface BusRule {
  /** Null: the next rule, or the message passes. `message` is null for what only looks like one, probes above all. */
  decide(message: BusMessage | null): Fate | null;
}

export interface BusCounts {
  messages: number;
  dropped: number;
  duplicated: number;
  corrupted: number;
  delayed: number;
  /** Published into nowhere. */
  muted: number;
}

const MESSAGES = new Set(['message', 'smessage']);
const PUBLISHES = new Set(['publish', 'spublish']);
/** A channel that nobody hears: Redis answers in its order, and the publisher believes that it was heard. */
const NOWHERE: Buffer = Buffer.from('chaos:nowhere');

export class BusTap {
  readonly counts: BusCounts = {
    messages: 0,
    dropped: 0,
    duplicated: 0,
    corrupted: 0,
    delayed: 0,
    muted: 0,
  };
  /** What the node publishes goes nowhere, its probes included, and it is told that all is well. */
  isMuted = false;
  rules: readonly BusRule[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** For one connection. */
  readonly makeTaps = (): Taps => ({ up: this.#makeUp, down: this.#makeDown });

  /** No rules, nothing muted; counts stay. */
  clear(): void {
    this.rules = [];
    this.isMuted = false;
  }

  readonly #makeUp: MakeTap = (emit) => {
    const reader = new RespReader();
    return {
      write: (chunk) => {
        for (const frame of reader.read(chunk)) emit(this.#up(frame));
      },
      close: () => undefined,
    };
  };

  #up({ bytes, strings }: Frame): Buffer {
    const [command, , ...rest] = strings ?? [];
    if (!this.isMuted || command === undefined) return bytes;
    if (!PUBLISHES.has(command.toString('latin1').toLowerCase())) return bytes;
    this.counts.muted += 1;
    return encodeStrings('*', [command, NOWHERE, ...rest]);
  }

  readonly #makeDown: MakeTap = (emit): Tap => {
    const reader = new RespReader();
    const late = new Set<NodeJS.Timeout>();
    const emitLater = (bytes: Buffer, delayMs: number): void => {
      const timer = setTimeout(() => {
        late.delete(timer);
        emit(bytes);
      }, delayMs);
      late.add(timer);
    };
    return {
      write: (chunk) => {
        for (const frame of reader.read(chunk)) this.#down(frame, emit, emitLater);
      },
      close: () => {
        for (const timer of late) clearTimeout(timer);
      },
    };
  };

  #down(
    { bytes, strings }: Frame,
    emit: (piece: Buffer) => void,
    emitLater: (piece: Buffer, delayMs: number) => void,
  ): void {
    const [kind, channel, payload] = strings ?? [];
    const isMessage = kind !== undefined && MESSAGES.has(kind.toString('latin1'));
    if (!isMessage || channel === undefined || payload === undefined) {
      emit(bytes);
      return;
    }
    this.counts.messages += 1;
    const fate = this.#fateOf(payload);
    switch (fate?.do) {
      case undefined:
        emit(bytes);
        break;
      case 'drop':
        this.counts.dropped += 1;
        break;
      case 'duplicate':
        this.counts.duplicated += 1;
        emit(bytes);
        emit(bytes);
        break;
      case 'delay':
        this.counts.delayed += 1;
        emitLater(bytes, fate.delayMs);
        break;
      case 'corrupt': {
        this.counts.corrupted += 1;
        const type = bytes[0] === 0x3e ? '>' : '*';
        emit(encodeStrings(type, [kind, channel, this.#corrupted(payload)]));
        break;
      }
    }
  }

  #fateOf(payload: Buffer): Fate | null {
    if (this.rules.length === 0) return null;
    const message = readBusMessage(payload);
    for (const rule of this.rules) {
      const fate = rule.decide(message);
      if (fate !== null) return fate;
    }
    return null;
  }

  #corrupted(payload: Buffer): Buffer {
    const copy = Buffer.from(payload);
    const at = Math.floor(this.#random() * copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(this.#random() * 8));
    return copy;
  }
}
