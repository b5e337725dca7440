/**
 * One person's editor: an unmodified y-websocket provider with a Y.Doc, and beside it Y-Sweet's SyncStatus,
 * by which a server says what it has made durable. An editor sends what it plays, counts it, and can wait:
 * until it has seen others' edits, until its own are acknowledged.
 */
import * as decoding from 'lib0/decoding';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { ackRequest } from '../bench/dialects.ts';
import { TRACE_TEXT } from '../support/traces.ts';

const SYNC_STATUS = 102;
/** How long nothing may move before a replay gives up: milliseconds. */
const STALL_MS = 30_000;
const SYNC_TIMEOUT_MS = 60_000;

type ProviderOptions = NonNullable<ConstructorParameters<typeof WebsocketProvider>[3]>;

export class Editor {
  readonly doc: Y.Doc = new Y.Doc();
  /** Edits played here, and of them acknowledged. */
  sent = 0;
  acked = 0;
  /** What went wrong for good: a close code that forbids coming back. */
  closed: string | null = null;
  readonly ackLatenciesMs: number[] = [];
  readonly #provider: WebsocketProvider;
  readonly #asked: { readonly version: number; readonly atMs: number }[] = [];
  #wake: (() => void) | null = null;
  #onAck: (() => void) | null = null;

  private constructor(url: string, document: string) {
    this.#provider = new WebsocketProvider(url, document, this.doc, {
      connect: false,
      disableBc: true,
      // The ws package's class has all that the provider uses, but not every type of the DOM's.
      WebSocketPolyfill: WebSocket as unknown as NonNullable<ProviderOptions['WebSocketPolyfill']>,
    });
    this.#provider.messageHandlers[SYNC_STATUS] = (_encoder, decoder) => {
      const payload = decoding.createDecoder(decoding.readVarUint8Array(decoder));
      this.#acknowledge(decoding.readVarUint(payload));
    };
    this.#provider.on('closed', ({ code, reason }) => {
      this.closed = `${code} ${reason}`;
      this.#wake?.();
    });
    // After a reconnect the provider has sent all again, and no old question will be answered.
    this.#provider.on('sync', (isSynced) => {
      if (isSynced && this.sent > this.acked) this.askForAck();
    });
    this.doc.on('afterTransaction', () => this.#wake?.());
  }

  /** Resolves when the provider reports *synced*. */
  static async open(url: string, document: string): Promise<Editor> {
    const editor = new Editor(url, document);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`${url}/${document}: not synced within ${SYNC_TIMEOUT_MS} ms`));
        }, SYNC_TIMEOUT_MS);
        editor.#provider.on('sync', () => {
          clearTimeout(timer);
          resolve();
        });
        editor.#provider.connect();
      });
    } catch (error) {
      editor.close();
      throw error;
    }
    return editor;
  }

  /** Makes the edit here; the provider sends it on as it sends anything that is typed. */
  play(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, 'typed');
    this.sent += 1;
  }

  /** Asks to be told when all that was sent is durable. */
  askForAck(): void {
    this.#asked.push({ version: this.sent, atMs: performance.now() });
    const socket = this.#provider.ws as unknown as WebSocket | null;
    if (socket?.readyState === WebSocket.OPEN) socket.send(ackRequest(this.sent));
  }

  /** Resolves at the next answer to `askForAck`. */
  async nextAck(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAck = resolve;
    });
  }

  clock(clientId: number): number {
    return Y.getState(this.doc.store, clientId);
  }

  text(): string {
    return this.doc.getText(TRACE_TEXT).toJSON();
  }

  /** Bytes that the socket has not taken yet. */
  get buffered(): number {
    return this.#provider.ws?.bufferedAmount ?? 0;
  }

  /** Waits for something that changes with what arrives here. Throws when nothing has for `stallMs`. */
  async until(isTrue: () => boolean, what: string, stallMs: number = STALL_MS): Promise<void> {
    while (!isTrue()) {
      if (this.closed !== null) throw new Error(`closed by the server: ${this.closed}`);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`nothing has moved for ${stallMs} ms, waiting for ${what}`));
        }, stallMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  close(): void {
    this.#provider.destroy();
    this.doc.destroy();
  }

  #acknowledge(version: number): void {
    this.acked = Math.max(this.acked, version);
    const nowMs = performance.now();
    while ((this.#asked[0]?.version ?? Number.POSITIVE_INFINITY) <= this.acked) {
      const question = this.#asked.shift();
      if (question !== undefined && question.version > 0) {
        this.ackLatenciesMs.push(nowMs - question.atMs);
      }
    }
    this.#onAck?.();
    this.#wake?.();
  }
}
