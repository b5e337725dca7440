/**
 * SynclineProvider: keeps a Y.Doc in sync with a server over y-websocket's WebsocketProvider, which owns the
 * socket, the cross-tab channel and the sync exchange, and knows when the changes made here are durable.
 *
 * What it adds to the wire is one message, SyncStatus 102 (sync-status.ts), sent after changes and after every
 * SyncStep2; what it adds to the behaviour is a jittered pause before reconnecting. What the counters mean
 * stands in status.ts. A change counts as made here when this replica is the one that sends it to the server:
 * everything except what arrived from the server or, over BroadcastChannel, from another tab, whose provider
 * sends it and waits for its ack.
 */
import * as decoding from 'lib0/decoding';
import { ObservableV2 } from 'lib0/observable';
import { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { parseDocumentName } from '../server/protocol/document-name.ts';
import type { DocumentName } from '../server/protocol/document-name.ts';
import { isPermanentClose, ProtocolError } from '../server/protocol/errors.ts';
import { MESSAGE, SYNC } from '../server/protocol/messages.ts';
import { Backoff } from './backoff.ts';
import { closeReason } from './close-reason.ts';
import type { CloseReason } from './close-reason.ts';
import { CloseWarning, onWake } from './page-events.ts';
import { advance, initialProgress, isJoined, summarize } from './status.ts';
import type { SaveEvent, SaveProgress, SaveStatus } from './status.ts';
import { decodeSyncStatus, encodeSyncStatus } from './sync-status.ts';

/** `WebSocket.OPEN`; the class itself may be a polyfill. */
const SOCKET_OPEN = 1;

/** A `WebSocket` class: the browser's, or that of the `ws` package. */
export type WebSocketClass = new (
  url: string | URL,
  protocols?: string | string[],
) => { readonly readyState: number; close(code?: number, reason?: string): void };

export interface SynclineProviderOptions {
  /** Connect at once. Default true; otherwise call `connect()`. */
  readonly connect?: boolean;
  /** Presence. Default: one made here, and destroyed with the provider. */
  readonly awareness?: Awareness;
  /** Query parameters, read again for every connection: change the object to renew a token. */
  readonly params?: Record<string, string>;
  readonly protocols?: readonly string[];
  /** Needed where there is no global `WebSocket` (Node before 22): the class of the `ws` package. */
  readonly WebSocketPolyfill?: WebSocketClass;
  /** No BroadcastChannel between tabs of one browser. Default false. */
  readonly disableBc?: boolean;
  /** Ask before the page closes with unsaved changes. Browsers only; default false. */
  readonly warnOnClose?: boolean;
  /** Longest pause before another attempt to connect, milliseconds. Default 30 000. */
  readonly reconnectDelayMaxMs?: number;
}

export type SynclineProviderEvents = {
  /** The save state or a count changed. */
  status: (status: SaveStatus) => void;
  /** True when the server's document arrived, false when the connection that brought it is gone. */
  synced: (isSynced: boolean) => void;
  /** The server closed for good; nothing reconnects until `connect()` is called. */
  closed: (reason: CloseReason) => void;
};

/** Why `whenSaved()` gave up: `closed` by the server for good, or the provider was `destroyed`. */
export class NotSavedError extends Error {
  override readonly name = 'NotSavedError';
  readonly code: 'closed' | 'destroyed';
  constructor(code: 'closed' | 'destroyed', message: string) {
    super(message);
    this.code = code;
  }
}

interface SaveWaiter {
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: NotSavedError) => void;
}

export class SynclineProvider extends ObservableV2<SynclineProviderEvents> {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly documentName: DocumentName;

  readonly #socket: WebsocketProvider;
  readonly #backoff: Backoff;
  readonly #closeWarning: CloseWarning | null;
  readonly #stopWaking: () => void;
  readonly #ownsAwareness: boolean;
  #progress: SaveProgress;
  #status: SaveStatus;
  #waiters: SaveWaiter[] = [];
  /** Why the server closed for good; null again once the application reconnects. */
  #closeReason: CloseReason | null = null;
  #isReportQueued = false;
  #isDestroyed = false;

  /**
   * `serverUrl`: `ws(s)://` or `http(s)://`, with an optional path. Throws a ProtocolError
   * `invalid-document-name` when the server would refuse the name, and a TypeError without any WebSocket class.
   */
  constructor(
    serverUrl: string,
    documentName: string,
    doc: Y.Doc,
    options: SynclineProviderOptions = {},
  ) {
    super();
    const name = parseDocumentName(documentName);
    if (name === null) throw new ProtocolError('invalid-document-name');
    this.documentName = name;
    this.doc = doc;
    this.#progress = initialProgress(hasContent(doc));
    this.#status = summarize(this.#progress);
    this.#ownsAwareness = options.awareness === undefined;
    const webSocketClass = webSocketClassOf(options);
    this.awareness = options.awareness ?? new Awareness(doc);
    this.#backoff = new Backoff(options.reconnectDelayMaxMs ?? 30_000, Math.random);
    this.#closeWarning = options.warnOnClose === true ? new CloseWarning() : null;
    this.#socket = new WebsocketProvider(webSocketUrl(serverUrl), encodePath(name), doc, {
      connect: false,
      awareness: this.awareness,
      params: options.params,
      protocols: options.protocols === undefined ? undefined : [...options.protocols],
      WebSocketPolyfill: webSocketClass,
      disableBc: options.disableBc,
      shouldReconnect: (event) => !isPermanentClose(event.code),
    });
    this.#watchSocket();
    // After the WebsocketProvider's own listener: the update is on the socket before the report about it.
    doc.on('update', this.#onUpdate);
    this.#closeWarning?.setUnsaved(this.#status.hasUnsavedChanges);
    this.#stopWaking = onWake(() => this.#retryNow());
    if (options.connect !== false) this.#socket.connect();
  }

  get status(): SaveStatus {
    return this.#status;
  }

  /** Changes made here that no server has confirmed as durable. */
  get unsavedChanges(): number {
    return this.#status.unsavedChanges;
  }

  /** Whether the server's document has arrived on this connection. */
  get synced(): boolean {
    return this.#socket.synced;
  }

  /**
   * Resolves when every change made up to now is durable; later ones do not delay it. Rejects with a
   * NotSavedError when the server closes, or has closed, for good, or the provider is destroyed first. Has no
   * timeout: it stays pending while offline, while the server's storage is failing, and on servers that confirm
   * nothing.
   */
  async whenSaved(): Promise<void> {
    if (this.#progress.ackedVersion >= this.#progress.localVersion) return;
    if (this.#isDestroyed) throw destroyedError();
    if (this.#closeReason !== null) throw new NotSavedError('closed', this.#closeReason.meaning);
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ version: this.#progress.localVersion, resolve, reject });
    });
  }

  connect(): void {
    if (this.#isDestroyed) return;
    this.#closeReason = null;
    this.#socket.connect();
  }

  /** Closes the connection and stays away until `connect()`. Changes go on being counted. */
  disconnect(): void {
    this.#socket.disconnect();
  }

  /** Lets go of the socket, the document and all listeners. Unsaved changes stay in the document only. */
  override destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.doc.off('update', this.#onUpdate);
    this.#stopWaking();
    this.#closeWarning?.setUnsaved(false);
    this.#socket.destroy();
    if (this.#ownsAwareness) this.awareness.destroy();
    this.#rejectWaiters(destroyedError());
    super.destroy();
  }

  readonly #onUpdate = (_update: Uint8Array, origin: unknown): void => {
    if (origin === this.#socket) return;
    this.#advance({ type: 'edited' });
    this.#queueReport();
  };

  #watchSocket(): void {
    const socket = this.#socket;
    socket.on('status', ({ status }) => {
      if (status !== 'connected') return;
      this.#backoff.opened(Date.now());
      this.#advance({ type: 'opened' });
    });
    socket.on('connection-close', (event) => {
      this.#planReconnect(event?.code);
      this.#advance({ type: 'lost' });
    });
    socket.on('sync', (isSynced) => this.emit('synced', [isSynced]));
    socket.on('closed', ({ code, reason }) => {
      const closed = closeReason(code, reason);
      this.#closeReason = closed;
      this.#advance({ type: 'refused' });
      this.#rejectWaiters(new NotSavedError('closed', closed.meaning));
      this.emit('closed', [closed]);
    });
    this.#watchMessages();
  }

  #watchMessages(): void {
    const handlers = this.#socket.messageHandlers;
    const stockSync = handlers[MESSAGE.sync];
    if (stockSync === undefined)
      throw new TypeError('y-websocket has no handler for sync messages');
    // `isFromServer` is false for what other tabs say over BroadcastChannel.
    handlers[MESSAGE.sync] = (encoder, decoder, socket, isFromServer, type) => {
      const isStep1 = isFromServer && decoder.arr[decoder.pos] === SYNC.step1;
      if (isStep1) this.#countWhatServerLacks(decoding.clone(decoder));
      stockSync(encoder, decoder, socket, isFromServer, type);
      if (!isStep1) return;
      // y-websocket sends the SyncStep2 that it just encoded when this handler has returned.
      const connection = socket.ws;
      queueMicrotask(() => {
        if (connection !== null && connection === this.#socket.ws) this.#joined();
      });
    };
    handlers[MESSAGE.syncStatus] = (_encoder, decoder, _socket, isFromServer) => {
      if (isFromServer) this.#acked(decoder);
    };
  }

  /**
   * The SyncStep2 that answers may carry what nobody counted here: edits of a tab that closed before they
   * were saved, or of people whose server lost them in a crash. They are unsaved like our own.
   */
  #countWhatServerLacks(step1: decoding.Decoder): void {
    if (this.#status.hasUnsavedChanges) return;
    decoding.readVarUint(step1);
    const known = Y.decodeStateVector(decoding.readVarUint8Array(step1));
    for (const client of this.doc.store.clients.keys()) {
      if (Y.getState(this.doc.store, client) > (known.get(client) ?? 0)) {
        this.#advance({ type: 'edited' });
        return;
      }
    }
  }

  #joined(): void {
    this.#advance({ type: 'joined' });
    this.#queueReport();
  }

  #acked(decoder: decoding.Decoder): void {
    const version = decodeSyncStatus(decoder);
    if (version !== null) this.#advance({ type: 'acked', version });
  }

  /** One report a microtask, however many changes: it names the last of them. */
  #queueReport(): void {
    if (this.#isReportQueued) return;
    this.#isReportQueued = true;
    queueMicrotask(() => {
      this.#isReportQueued = false;
      this.#report();
    });
  }

  #report(): void {
    const connection = this.#socket.ws;
    if (!isJoined(this.#progress) || connection?.readyState !== SOCKET_OPEN) return;
    connection.send(encodeSyncStatus(this.#progress.localVersion));
    this.#advance({ type: 'reported' });
  }

  #advance(event: SaveEvent): void {
    this.#progress = advance(this.#progress, event);
    const status = summarize(this.#progress);
    const saved = this.#waiters.filter((waiter) => waiter.version <= this.#progress.ackedVersion);
    this.#waiters = this.#waiters.filter((waiter) => !saved.includes(waiter));
    for (const waiter of saved) waiter.resolve();
    if (isSameStatus(status, this.#status)) return;
    this.#status = status;
    this.#closeWarning?.setUnsaved(status.hasUnsavedChanges && !this.#isDestroyed);
    this.emit('status', [status]);
  }

  /**
   * y-websocket waits `min(2^unsuccessful × 100 ms, maxBackoffTime)` and reads both right after this event:
   * a large exponent leaves the pause to us.
   */
  #planReconnect(closeCode: number | undefined): void {
    const socket = this.#socket;
    const isOver =
      !socket.shouldConnect || (closeCode !== undefined && isPermanentClose(closeCode));
    socket.wsUnsuccessfulReconnects = 30;
    socket.maxBackoffTime = isOver ? 0 : this.#backoff.closed(Date.now());
  }

  #retryNow(): void {
    if (this.#socket.shouldConnect && this.#socket.ws === null) this.#socket.connect();
  }

  #rejectWaiters(error: NotSavedError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

/** Whether there is anything to save: content, or what waits for something that it depends on. */
function hasContent(doc: Y.Doc): boolean {
  const { clients, pendingStructs, pendingDs } = doc.store;
  return clients.size > 0 || pendingStructs !== null || pendingDs !== null;
}

function webSocketClassOf(options: SynclineProviderOptions): typeof WebSocket {
  if (options.WebSocketPolyfill !== undefined) {
    return options.WebSocketPolyfill as unknown as typeof WebSocket;
  }
  if (typeof WebSocket === 'undefined') {
    throw new TypeError('no WebSocket here: pass WebSocketPolyfill, the class of the ws package');
  }
  return WebSocket;
}

function webSocketUrl(serverUrl: string): string {
  return serverUrl.replace(/^http/i, 'ws');
}

/** y-websocket pastes the name into the URL as it is. */
function encodePath(name: DocumentName): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

function isSameStatus(a: SaveStatus, b: SaveStatus): boolean {
  return (
    a.state === b.state &&
    a.unsavedChanges === b.unsavedChanges &&
    a.hasServerAcked === b.hasServerAcked
  );
}

function destroyedError(): NotSavedError {
  return new NotSavedError('destroyed', 'the provider was destroyed with unsaved changes');
}
