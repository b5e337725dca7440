/**
 * The two ports between rooms and sockets. A `Wire` turns what a room says into bytes, once for all
 * connections that share it; an `Outlet` is one connection's sending side. The gateway implements both;
 * rooms know no socket and no WebSocket.
 */
import type { ErrorCode } from '../protocol/errors.ts';

/** Bytes ready for a socket, transport framing included: written as they are, shared by every receiver. */
export type Frame = readonly Uint8Array[];

export function frameBytes(frame: Frame): number {
  let bytes = 0;
  for (const part of frame) bytes += part.byteLength;
  return bytes;
}

/**
 * How far a receiver has come once it has what the frame holds: everything up to `seq`, in the numbering of the
 * room with this epoch. Only wires whose clients can resume from it write it down.
 */
export interface Mark {
  readonly epoch: string;
  readonly seq: number;
}

/** One dialect's encoder. Frames are cached per `Wire` object, so connections of a dialect share one. */
export interface Wire {
  syncStep1(stateVector: Uint8Array): Frame;
  syncStep2(update: Uint8Array, mark?: Mark): Frame;
  /** Without a mark: a piece of a base, after which nobody can resume. */
  update(update: Uint8Array, mark?: Mark): Frame;
  /** `entries`: an encoded y-protocols awareness update. */
  presence(entries: Uint8Array): Frame;
  /** Tells the client that everything up to its request with this payload is durable; null if it has no ack. */
  ack(payload: Uint8Array): Frame | null;
  /** Tells the client that its token ends soon. Not every dialect has a way to say so. */
  expiry?(secondsLeft: number): Frame;
  /** A signal of somebody in the document. Dialects without a word for it get none. */
  signal?(payload: Uint8Array): Frame;
  /** Its clients count a sync as open until they were asked for what they have, each time anew. */
  readonly asksAtEverySync?: true;
  /** Its clients take the echo of an update for the ack: what they wrote comes back when it is durable, not before. */
  readonly acksByEcho?: true;
  /** Says nothing, so that the receiver hears something. */
  keepAlive(): Frame;
}

export interface Outlet {
  readonly wire: Wire;
  /** Bytes written to the socket that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** True once the connection is closing or gone: nothing that is sent arrives any more. */
  readonly isClosed: boolean;
  send(frame: Frame): void;
  /** Calls back once, in a later turn, when `bufferedBytes` is back at zero or the connection is gone. */
  onDrain(callback: () => void): void;
  /** Stops and restarts reading from the client. */
  setReading(isReading: boolean): void;
  close(code: ErrorCode, detail?: string): void;
  /** Instead of `wire.ack`, where acks are counted and not named. False: there was nothing to say. */
  ack?(payload: Uint8Array): boolean;
  /**
   * An update of this client's is not taken. `told`: the client knows which one, and goes on; `unsaved`: it goes on, but
   * must never be told again that everything is saved. Otherwise the connection is closed with the code.
   */
  refuse?(update: Uint8Array, code: ErrorCode): 'told' | 'unsaved' | 'close';
}

/** What a client may say, whatever its dialect. Byte arrays may be views into a received frame. */
export type ClientMessage =
  | { readonly type: 'sync-step-1'; readonly stateVector: Uint8Array }
  | { readonly type: 'sync-step-2'; readonly update: Uint8Array }
  | { readonly type: 'update'; readonly update: Uint8Array }
  | { readonly type: 'presence'; readonly entries: Uint8Array }
  | { readonly type: 'presence-query' }
  | { readonly type: 'ack-request'; readonly payload: Uint8Array }
  /** A small message of the application's to everybody in the document; it is kept nowhere. */
  | { readonly type: 'signal'; readonly payload: Uint8Array }
  /** A new token for the connection that is open. */
  | { readonly type: 'token'; readonly token: string };

export function messageBytes(message: ClientMessage): number {
  switch (message.type) {
    case 'sync-step-1':
      return message.stateVector.byteLength;
    case 'sync-step-2':
    case 'update':
      return message.update.byteLength;
    case 'presence':
      return message.entries.byteLength;
    case 'presence-query':
      return 0;
    case 'ack-request':
    case 'signal':
      return message.payload.byteLength;
    case 'token':
      return message.token.length;
  }
}
