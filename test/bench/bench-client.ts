/**
 * One connection to one document of a measured server: says hello in the server's dialect, answers its
 * questions with "I have nothing", and hands on what arrives without decoding it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame, RawClient } from '../support/raw-client.ts';
import {
  DIALECTS,
  type Dialect,
  type DialectName,
  EMPTY_STEP1,
  EMPTY_STEP2,
  presenceMessage,
  updateMessage,
} from './dialects.ts';

export interface Target {
  /** ws://127.0.0.1:PORT */
  readonly url: string;
  readonly dialect: DialectName;
}

export interface BenchClientOptions {
  readonly target: Target;
  readonly document: string;
  /** Its presence, announced on opening; a client without one announces nothing. */
  readonly presence?: { readonly clientId: number; readonly json: string };
  readonly headBytes?: number;
  /** How long the server may take until this client has everything: milliseconds. */
  readonly syncTimeoutMs?: number;
  /** A SyncStep2 or Update; its length-prefixed bytes begin at `at`. Valid during the call only. */
  readonly onSync?: (frame: Buffer, at: number) => void;
  readonly onPresence?: (frame: Buffer, at: number) => void;
  readonly onAck?: (value: number) => void;
  /** The server, not this side, has ended the connection. */
  readonly onLost?: (reason: string) => void;
}

const BRING_TIMEOUT_MS = 30_000;
const SYNC_TIMEOUT_MS = 60_000;

export class BenchClient {
  readonly document: string;
  /** SyncStep2 and Update messages received, and the bytes of their frames. */
  syncMessages = 0;
  syncBytes = 0;
  presenceClock = 0;
  readonly #options: BenchClientOptions;
  readonly #dialect: Dialect;
  #socket: RawClient | null = null;
  #isClosing = false;
  #onSynced: (() => void) | null = null;
  #onFailed: ((error: Error) => void) | null = null;

  private constructor(options: BenchClientOptions) {
    this.#options = options;
    this.document = options.document;
    this.#dialect = DIALECTS[options.target.dialect];
  }

  /** Resolves when the server has sent its SyncStep2: the client has all there was. */
  static async open(options: BenchClientOptions): Promise<BenchClient> {
    const client = new BenchClient(options);
    await client.#connect();
    return client;
  }

  async #connect(): Promise<void> {
    const { target, headBytes, syncTimeoutMs = SYNC_TIMEOUT_MS } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const synced = new Promise<void>((resolve, reject) => {
      this.#onSynced = resolve;
      this.#onFailed = reject;
      timer = setTimeout(() => {
        reject(new Error(`${this.document}: not synced within ${syncTimeoutMs} ms`));
      }, syncTimeoutMs);
    });
    // Rejections before the await below (a refused upgrade) belong to that await.
    synced.catch(() => undefined);
    try {
      this.#socket = await RawClient.open(target.url + this.#dialect.path(this.document), {
        onMessage: (frame, bytes) => this.#receive(frame, bytes),
        onClose: (code, reason) => this.#closed(`${code} ${reason}`),
        ...(headBytes === undefined ? {} : { headBytes }),
      });
      for (const message of this.#dialect.greeting(this.document)) {
        if (this.#dialect.asksForToken) this.#socket.send(message);
        else this.send(message);
      }
      if (!this.#dialect.asksForToken) this.announce();
      await synced;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends one y-protocols message. */
  send(message: Uint8Array): void {
    this.#socket?.sendFrame(this.frame(message));
  }

  /** A y-protocols message framed for this document, to be sent with `sendFrame`. */
  frame(message: Uint8Array): Buffer {
    return encodeFrame(this.#dialect.wrap(this.document, message));
  }

  sendFrame(frame: Buffer): void {
    this.#socket?.sendFrame(frame);
  }

  /** Renews the presence, with a new state if there is one. */
  announce(json: string | undefined = this.#options.presence?.json): void {
    const { presence } = this.#options;
    if (presence === undefined || json === undefined) return;
    this.presenceClock += 1;
    this.send(presenceMessage(presence.clientId, this.presenceClock, json));
  }

  /** Brings a whole document and waits until the server gives it back when asked for it. */
  async bring(update: Uint8Array): Promise<void> {
    this.send(updateMessage(update));
    const deadline = performance.now() + BRING_TIMEOUT_MS;
    for (;;) {
      const before = this.syncBytes;
      await this.#askAgain();
      // A server that checks large updates aside may answer the question before it has.
      if (this.syncBytes - before >= update.length) return;
      if (performance.now() > deadline) {
        throw new Error(
          `${this.document}: brought, but not given back within ${BRING_TIMEOUT_MS} ms`,
        );
      }
      await delay(100);
    }
  }

  async #askAgain(): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      this.#onSynced = resolve;
      this.#onFailed = reject;
    });
    this.send(EMPTY_STEP1);
    await answered;
  }

  /** From here on the socket is read only when `drain` is called. */
  becomeLazy(): void {
    if (this.#socket !== null) this.#socket.isLazy = true;
  }

  drain(): void {
    this.#socket?.drain();
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.close();
  }

  #receive(frame: Buffer, bytes: number): void {
    const message = this.#dialect.read(frame);
    switch (message.kind) {
      case 'step1':
        this.send(EMPTY_STEP2);
        return;
      case 'step2':
      case 'update':
        this.syncMessages += 1;
        this.syncBytes += bytes;
        this.#options.onSync?.(frame, message.at);
        if (message.kind === 'step2') this.#onSynced?.();
        return;
      case 'presence':
        this.#options.onPresence?.(frame, message.at);
        return;
      case 'ack':
        this.#options.onAck?.(message.value);
        return;
      case 'authenticated':
        this.send(EMPTY_STEP1);
        this.announce();
        return;
      case 'other':
    }
  }

  #closed(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#onFailed?.(new Error(`${this.document}: the server closed the connection: ${reason}`));
    this.#options.onLost?.(reason);
  }
}
