/**
 * One document on a provider's socket: the sending side of its session, and the count that a provider keeps.
 *
 *   waiting ──auth──▶ asking ──let in──▶ open ──closed──▶ denied ──auth──▶ (a new one)
 *                        └────refused────────────────────────┘
 *
 * A provider counts: it sets its unsaved changes to 1 with each SyncStep1, adds 1 for each update, takes 1 off for each
 * SyncStatus(1), and reads 0 as "saved". So every SyncStep2 and Update is answered with one SyncStatus, in order, when
 * durable, and none before the SyncStep2 is, which has all offline edits. What it did not count is answered with 0, which
 * changes nothing: updates from before its SyncStep1, and the offline edits that it flushes after it, known by their
 * clocks, which its state vector covers. (Provider 2 counts below zero: one SyncStatus too many and it says "saved" of
 * the next edit before it is sent. 3 and 4 stop at zero, and say so of what is on its way.) Refused updates get 0 too.
 */
import type { DocumentName } from '../../protocol/document-name.ts';
import { ERRORS, type ErrorCode } from '../../protocol/errors.ts';
import type { ClientMessage, Frame, Outlet } from '../../rooms/outlet.ts';
import { readStateVector } from '../../rooms/updates/version.ts';
import * as decoding from 'lib0/decoding';
import type { AddressedWire } from './hocuspocus.ts';

/** The socket, as its documents see it. */
export interface ProviderSocket {
  readonly bufferedBytes: number;
  readonly isClosed: boolean;
  send(frame: Frame): void;
  onDrain(callback: () => void): void;
  close(code: ErrorCode, detail?: string): void;
  /** One document can take no more for now: nothing is read, of none. */
  setReading(address: string, isReading: boolean): void;
  /** The document is closed, by us. */
  closed(address: string, code: ErrorCode): void;
}

/** Messages of the client that its session gets. */
export type SessionMessage = Exclude<ClientMessage, { readonly type: 'token' }>;

const STATE_VECTOR_BYTES_MAX = 64 * 1024;
/** Beyond it all that was sent counts as unsaved: a provider that means well has a few. [I6] */
const UNSAVED_MAX = 10_000;

/** Which of its frames a provider has counted, and which were answered. */
export class FrameCount {
  #received = 0;
  #answered = 0;
  /** Numbers of frames that are answered with 0, besides all up to `#unsavedUpTo`. */
  readonly #unsaved = new Set<number>();
  #unsavedUpTo = 0;
  /** The provider's state vector of its last SyncStep1, until its SyncStep2 has come. */
  #known: ReadonlyMap<number, number> | null = new Map<number, number>();
  #isStarted = false;

  /** Numbers that are held. */
  get held(): number {
    return this.#unsaved.size;
  }

  /** The provider starts counting anew. */
  restart(stateVector: Uint8Array): void {
    this.#forfeit();
    this.#isStarted = true;
    this.#known = readStateVector(stateVector, STATE_VECTOR_BYTES_MAX);
  }

  /** Returns the number of a frame that has to be answered. */
  note(message: { readonly type: 'sync-step-2' | 'update'; readonly update: Uint8Array }): number {
    this.#received += 1;
    if (!this.#isStarted) this.#forfeit();
    else if (message.type === 'sync-step-2') this.#known = null;
    else if (this.#known !== null && isKnown(message.update, this.#known)) {
      this.refuse(this.#received);
    }
    return this.#received;
  }

  /** Frames that were not kept, of which the SyncStep2 to come has everything. */
  skip(frames: number): void {
    this.#received += frames;
  }

  refuse(frame: number): void {
    this.#unsaved.add(frame);
    if (this.#unsaved.size > UNSAVED_MAX) this.#forfeit();
  }

  /** Nothing that has come so far is ever answered as saved. */
  #forfeit(): void {
    this.#unsavedUpTo = this.#received;
    this.#unsaved.clear();
  }

  /** For each frame up to this one that was not answered yet: is it saved? */
  answer(upTo: number): boolean[] {
    const answers: boolean[] = [];
    while (this.#answered < upTo) {
      this.#answered += 1;
      const isUnsaved = this.#unsaved.delete(this.#answered);
      answers.push(!isUnsaved && this.#answered > this.#unsavedUpTo);
    }
    return answers;
  }
}

/** Whether an update begins with what the state vector covers: then it was made before it. */
function isKnown(update: Uint8Array, known: ReadonlyMap<number, number>): boolean {
  try {
    const decoder = decoding.createDecoder(update);
    // Clients with structs, structs of the first, its id, its clock. Without structs nothing can be told.
    if (decoding.readVarUint(decoder) === 0) return false;
    decoding.readVarUint(decoder);
    const client = decoding.readVarUint(decoder);
    return decoding.readVarUint(decoder) < (known.get(client) ?? 0);
  } catch {
    return false;
  }
}

export class HocuspocusOutlet implements Outlet {
  readonly wire: AddressedWire;
  readonly document: DocumentName;
  readonly #socket: ProviderSocket;
  readonly #count = new FrameCount();
  /** Frames that are with the session: it refuses an update by the bytes that it was given. */
  readonly #numbers = new WeakMap<Uint8Array, number>();
  #isClosed = false;

  constructor(socket: ProviderSocket, wire: AddressedWire, document: DocumentName) {
    this.#socket = socket;
    this.wire = wire;
    this.document = document;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#socket.isClosed;
  }

  /** What the session is to be told for a message of the provider's. */
  translate(message: SessionMessage): readonly SessionMessage[] {
    if (message.type === 'sync-step-1') this.#count.restart(message.stateVector);
    if (message.type !== 'update' && message.type !== 'sync-step-2') return [message];
    const frame = this.#count.note(message);
    this.#numbers.set(message.update, frame);
    return [message, { type: 'ack-request', payload: payloadOf(frame) }];
  }

  /** See `FrameCount`. */
  skip(frames: number): void {
    this.#count.skip(frames);
  }

  send(frame: Frame): void {
    if (!this.#isClosed) this.#socket.send(frame);
  }

  ack(payload: Uint8Array): boolean {
    const answers = this.#count.answer(frameOf(payload));
    if (answers.length > 0) this.send(this.wire.syncStatuses(answers));
    return answers.length > 0;
  }

  /** A provider lives on with updates that are not taken: it shows them as unsaved. */
  refuse(update: Uint8Array, code: ErrorCode): 'told' | 'close' {
    const frame = this.#numbers.get(update);
    if (frame === undefined || (code !== 'read-only' && code !== 'document-too-large')) {
      return 'close';
    }
    this.#count.refuse(frame);
    return 'told';
  }

  onDrain(callback: () => void): void {
    this.#socket.onDrain(callback);
  }

  setReading(isReading: boolean): void {
    this.#socket.setReading(this.wire.address, isReading);
  }

  /**
   * What is for good, or asks for another token, concerns this document only: the provider is told, and stays. For the
   * rest it has to come back, which it does when its socket closes, with all that is on it.
   */
  close(code: ErrorCode, detail?: string): void {
    if (this.isClosed) return;
    if (ERRORS[code].retry === 'backoff') {
      this.#isClosed = true;
      this.#socket.close(code, detail);
      return;
    }
    this.send(this.wire.permissionDenied(code));
    const goodbye = ERRORS[code].retry === 'never' ? this.wire.closed(code) : null;
    if (goodbye !== null) this.send(goodbye);
    this.#isClosed = true;
    this.#socket.closed(this.wire.address, code);
  }
}

/** Ack payloads of a session are the numbers of its frames. */
function payloadOf(frame: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(frame, 0, 6);
  return bytes;
}

function frameOf(payload: Uint8Array): number {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).readUIntBE(0, 6);
}
