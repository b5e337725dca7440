/**
 * An editor's connection, frame by frame: y-websocket's protocol with durable acks (message 102, docs/PROTOCOL.md),
 * and awareness where one is given. It never reconnects by itself: whoever owns it decides when a writer lives, because a live one uploads again what a
 * server forgot.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import {
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
  type Awareness,
} from 'y-protocols/awareness';
import * as Y from 'yjs';

const MESSAGE = { sync: 0, awareness: 1, syncStatus: 102 } as const;
const SYNC = { step1: 0, step2: 1, update: 2 } as const;
const CONNECT_TIMEOUT_MS = 5_000;

export interface WireListener {
  /** The server's document has come, and ours has gone: both ways. */
  onSynced(): void;
  onAck(ackSeq: number, sentSeq: number): void;
  /** Once, also when it never opened. */
  onClosed(code: number, reason: string): void;
}

interface PresenceChange {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly number[];
}

export class Wire {
  readonly #doc: Y.Doc;
  readonly #socket: WebSocket;
  readonly #listener: WireListener;
  readonly #awareness: Awareness | null;
  #hasTheirs = false;
  #hasOurs = false;
  #isClosed = false;
  #sentSeq = 0;
  lastHeardMs: number = performance.now();

  constructor(url: string, doc: Y.Doc, listener: WireListener, awareness: Awareness | null = null) {
    this.#doc = doc;
    this.#listener = listener;
    this.#awareness = awareness;
    const socket = new WebSocket(url, { handshakeTimeout: CONNECT_TIMEOUT_MS });
    this.#socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('open', () => {
      this.#sendSync(SYNC.step1, Y.encodeStateVector(doc));
      if (awareness !== null && awareness.getLocalState() !== null) this.#sendPresence(awareness);
    });
    socket.on('message', (data: Buffer) => {
      this.lastHeardMs = performance.now();
      if (!this.#isClosed) this.#onFrame(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.#closed(code, reason.toString());
    });
    doc.on('update', this.#onUpdate);
    awareness?.on('update', this.#onPresence);
  }

  get isSynced(): boolean {
    return this.#hasTheirs && this.#hasOurs && !this.#isClosed;
  }

  /** Of a request for an ack of everything up to here. */
  requestAck(): number {
    this.#sentSeq += 1;
    const payload = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, this.#sentSeq);
    });
    this.#send(
      encoding.encode((encoder) => {
        encoding.writeVarUint(encoder, MESSAGE.syncStatus);
        encoding.writeVarUint8Array(encoder, payload);
      }),
    );
    return this.#sentSeq;
  }

  /** Without a word. */
  cut(): void {
    this.#socket.terminate();
    this.#closed(1006, 'cut here');
  }

  /** As an editor that is closed. */
  close(): void {
    this.#socket.close(1000);
    this.#closed(1000, 'closed here');
  }

  readonly #onUpdate = (update: Uint8Array, origin: unknown): void => {
    // Before the SyncStep2 has gone it would come twice.
    if (origin !== this && this.#hasOurs) this.#sendSync(SYNC.update, update);
  };

  /** What others are goes out from themselves. */
  readonly #onPresence = (changed: PresenceChange, origin: unknown): void => {
    const awareness = this.#awareness;
    if (awareness === null || origin === this) return;
    const { added, updated, removed } = changed;
    const isOwn = [...added, ...updated, ...removed].includes(awareness.clientID);
    if (isOwn) this.#sendPresence(awareness);
  };

  #closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#doc.off('update', this.#onUpdate);
    this.#awareness?.off('update', this.#onPresence);
    this.#forgetOthers();
    this.#listener.onClosed(code, reason);
  }

  #sendSync(subtype: number, payload: Uint8Array): void {
    this.#send(
      encoding.encode((encoder) => {
        encoding.writeVarUint(encoder, MESSAGE.sync);
        encoding.writeVarUint(encoder, subtype);
        encoding.writeVarUint8Array(encoder, payload);
      }),
    );
  }

  #sendPresence(awareness: Awareness): void {
    const payload = encodeAwarenessUpdate(awareness, [awareness.clientID]);
    this.#send(
      encoding.encode((encoder) => {
        encoding.writeVarUint(encoder, MESSAGE.awareness);
        encoding.writeVarUint8Array(encoder, payload);
      }),
    );
  }

  /** Nobody tells of them any more. Nor how new they were: else they would be ignored until they renew, for up to 15 s. */
  #forgetOthers(): void {
    const awareness = this.#awareness;
    if (awareness === null) return;
    const others = [...awareness.getStates().keys()].filter((id) => id !== awareness.clientID);
    removeAwarenessStates(awareness, others, this);
    for (const id of awareness.meta.keys())
      if (id !== awareness.clientID) awareness.meta.delete(id);
  }

  #send(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  #onFrame(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE.sync) {
      this.#onSync(decoding.readVarUint(decoder), decoding.readVarUint8Array(decoder));
    } else if (type === MESSAGE.awareness) {
      const update = decoding.readVarUint8Array(decoder);
      if (this.#awareness !== null) applyAwarenessUpdate(this.#awareness, update, this);
    } else if (type === MESSAGE.syncStatus) {
      const payload = decoding.createDecoder(decoding.readVarUint8Array(decoder));
      this.#listener.onAck(decoding.readVarUint(payload), this.#sentSeq);
    }
  }

  #onSync(subtype: number, payload: Uint8Array): void {
    const was = this.isSynced;
    if (subtype === SYNC.step1) {
      this.#sendSync(SYNC.step2, Y.encodeStateAsUpdate(this.#doc, payload));
      this.#hasOurs = true;
    } else {
      Y.applyUpdate(this.#doc, payload, this);
      if (subtype === SYNC.step2) this.#hasTheirs = true;
    }
    if (!was && this.isSynced) this.#listener.onSynced();
  }
}
