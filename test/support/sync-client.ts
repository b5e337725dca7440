/**
 * A lean y-protocols client over a real WebSocket, for tests that need to see every frame: it syncs a Y.Doc,
 * asks for durable acks (SyncStatus 102), and keeps what it was told. It never reconnects by itself, so a test
 * decides when a writer lives and when it is destroyed (a live writer re-uploads what a server forgot).
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { MESSAGE, SYNC } from '../../server/protocol/messages.ts';

export interface SyncClientOptions {
  readonly doc?: Y.Doc;
  /** Answer the server's SyncStep1; off to play a client that never does. */
  readonly answersStep1?: boolean;
  readonly origin?: string;
  /** Sent as `?token=`. */
  readonly token?: string;
  /** Sent as it is: `durability=replicated`. */
  readonly query?: string;
}

export class SyncClient {
  readonly doc: Y.Doc;
  readonly socket: WebSocket;
  /** Every binary frame received, in order. */
  readonly frames: Uint8Array[] = [];
  /** Updates received before and including the first SyncStep2. */
  isSynced = false;
  isClosed = false;
  closeCode = 0;
  closeReason = '';
  /** Highest version that the server said is durable. */
  ackedVersion = 0;
  #version = 0;
  readonly #answersStep1: boolean;
  readonly #waiters = new Set<() => void>();

  constructor(webSocketUrl: string, document: string, options: SyncClientOptions = {}) {
    this.doc = options.doc ?? new Y.Doc();
    this.#answersStep1 = options.answersStep1 ?? true;
    const query =
      options.token === undefined
        ? `?${options.query ?? ''}`
        : `?token=${encodeURIComponent(options.token)}`;
    this.socket = new WebSocket(
      `${webSocketUrl}/${encodeURIComponent(document)}${query}`,
      options.origin === undefined ? {} : { origin: options.origin },
    );
    this.socket.binaryType = 'nodebuffer';
    this.socket.on('open', () => {
      this.sendSync(SYNC.step1, Y.encodeStateVector(this.doc));
    });
    this.socket.on('message', (data: Buffer) => {
      this.#onFrame(data);
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => {
      this.isClosed = true;
      this.closeCode = code;
      this.closeReason = reason.toString();
      this.#wake();
    });
    this.doc.on('update', this.#onUpdate);
  }

  get text(): string {
    return this.doc.getText('text').toString();
  }

  readonly #onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin !== this) this.sendSync(SYNC.update, update);
  };

  sendSync(subtype: number, payload: Uint8Array): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.sync);
    encoding.writeVarUint(encoder, subtype);
    encoding.writeVarUint8Array(encoder, payload);
    this.send(encoding.toUint8Array(encoder));
  }

  send(bytes: Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }

  /** Asks for a durable ack of everything sent so far; returns the version to wait for. */
  requestAck(): number {
    this.#version += 1;
    const payload = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, this.#version);
    });
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.syncStatus);
    encoding.writeVarUint8Array(encoder, payload);
    this.send(encoding.toUint8Array(encoder));
    return this.#version;
  }

  async whenSynced(): Promise<void> {
    await this.#until('synced', () => this.isSynced);
  }

  async whenAcked(version: number): Promise<void> {
    await this.#until(`ack ${version}`, () => this.ackedVersion >= version);
  }

  async whenClosed(): Promise<void> {
    await this.#until('closed', () => this.isClosed, true);
  }

  /** Resolves when `condition` holds after some received frame. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await this.#until(what, condition);
  }

  /** Ends the client for good: the socket is cut and the document is gone with its content. */
  destroy(): void {
    this.doc.off('update', this.#onUpdate);
    this.socket.terminate();
    this.doc.destroy();
  }

  #onFrame(frame: Uint8Array): void {
    this.frames.push(frame);
    const decoder = decoding.createDecoder(frame);
    switch (decoding.readVarUint(decoder)) {
      case MESSAGE.sync:
        this.#onSync(decoding.readVarUint(decoder), decoding.readVarUint8Array(decoder));
        break;
      case MESSAGE.syncStatus: {
        const payload = decoding.readVarUint8Array(decoder);
        const version = decoding.readVarUint(decoding.createDecoder(payload));
        this.ackedVersion = Math.max(this.ackedVersion, version);
        break;
      }
      default:
        break;
    }
    this.#wake();
  }

  #onSync(subtype: number, payload: Uint8Array): void {
    if (subtype === SYNC.step1) {
      if (this.#answersStep1) {
        this.sendSync(SYNC.step2, Y.encodeStateAsUpdate(this.doc, payload));
      }
      return;
    }
    Y.applyUpdate(this.doc, payload, this);
    if (subtype === SYNC.step2) this.isSynced = true;
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }

  async #until(what: string, condition: () => boolean, mayClose: boolean = false): Promise<void> {
    const TIMEOUT_MS = 30_000;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (condition()) done();
        else if (this.isClosed && !mayClose) {
          done(new Error(`closed ${this.closeCode} ${this.closeReason} before ${what}`));
        }
      };
      const timer = setTimeout(() => {
        done(new Error(`no ${what} within ${TIMEOUT_MS} ms`));
      }, TIMEOUT_MS);
      const done = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#waiters.add(look);
      look();
    });
  }
}
