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
import * as encoding from 'lib0/encoding';
import { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { parseDocumentName } from '../server/protocol/document-name.ts';
import type { DocumentName } from '../server/protocol/document-name.ts';
import { isPermanentClose, ProtocolError } from '../server/protocol/errors.ts';
import { AUTH, MESSAGE, SYNC } from '../server/protocol/messages.ts';
import { AckClock } from './ack-clock.ts';
import { Backoff } from './backoff.ts';
import { closeReason } from './close-reason.ts';
import type { CloseReason } from './close-reason.ts';
import { FallbackSocket, type FallbackContext } from './fallback-socket.ts';
import { firstLoad } from './first-load.ts';
import type { Transport } from './link.ts';
import { CloseWarning, onWake } from './page-events.ts';
import {
  encodePath,
  paramsOf,
  webSocketClassOf,
  webSocketUrl,
  type SynclineProviderEvents,
  type SynclineProviderOptions,
} from './provider-options.ts';
import { forgetOthers, renewOwn } from './presence-clocks.ts';
import { Renewal } from './renewal.ts';
import { Rest } from './rest.ts';
import { destroyedError, NotSavedError, SaveWaiters } from './save-waiters.ts';
import { advance, initialProgress, isJoined, summarize } from './status.ts';
import type { SaveEvent, SaveProgress, SaveStatus } from './status.ts';
import { decodeSyncStatus, encodeSyncStatus } from './sync-status.ts';
import { TokenSource } from './token-source.ts';
import { TRANSPORT_TIMING, TransportChoice } from './transport-choice.ts';

/** `WebSocket.OPEN`; the class itself may be a polyfill. */
const SOCKET_OPEN = 1;

export class SynclineProvider extends ObservableV2<SynclineProviderEvents> {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly documentName: DocumentName;

  readonly #socket: WebsocketProvider;
  readonly #backoff: Backoff;
  readonly #closeWarning: CloseWarning | null;
  readonly #stopWaking: () => void;
  readonly #ownsAwareness: boolean;
  readonly #token: TokenSource;
  readonly #renewal: Renewal;
  readonly #rest: Rest;
  readonly #wantsFirstLoad: boolean;
  #firstLoad: AbortController | null = null;
  #transport: Transport | null = null;
  #progress: SaveProgress;
  #status: SaveStatus;
  readonly #waiters = new SaveWaiters();
  readonly #ackClock = new AckClock();
  /** Why the server closed for good; null again once the application reconnects. */
  #closeReason: CloseReason | null = null;
  #isReportQueued = false;
  #isDestroyed = false;
  /** On some connection. */
  #hasJoined = false;

  /**
   * `serverUrl`: `ws(s)://` or `http(s)://`, with an optional path. Throws a ProtocolError
   * `invalid-document-name` when the server would refuse the name, and a TypeError when only WebSockets are allowed
   * and there are none here.
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
    this.#progress = initialProgress(options.unsavedChanges ?? (hasContent(doc) ? 1 : 0));
    this.#status = summarize(this.#progress);
    this.#ownsAwareness = options.awareness === undefined;
    const webSocketClass = webSocketClassOf(options);
    this.awareness = options.awareness ?? new Awareness(doc);
    this.#token = new TokenSource(options.token);
    this.#renewal = new Renewal(this.#token);
    // In the URL of WebSockets it stands already.
    const restToken =
      options.params?.['token'] === undefined
        ? this.#token
        : new TokenSource(() => options.params?.['token'] ?? '');
    this.#rest = new Rest({
      serverUrl,
      documentName: name,
      token: restToken,
      fetch: options.fetch ?? fetch,
    });
    this.#wantsFirstLoad = options.firstLoad ?? typeof window !== 'undefined';
    this.#backoff = new Backoff(options.reconnectDelayMaxMs ?? 30_000, Math.random);
    this.#closeWarning = options.warnOnClose === true ? new CloseWarning() : null;
    this.#socket = new WebsocketProvider(webSocketUrl(serverUrl), encodePath(name), doc, {
      connect: false,
      awareness: this.awareness,
      params: paramsOf(options),
      protocols: options.protocols === undefined ? undefined : [...options.protocols],
      WebSocketPolyfill: this.#socketClass(webSocketClass, options),
      disableBc: options.disableBc,
      shouldReconnect: ({ code }) => !isPermanentClose(code) || this.#renewal.isWorthwhile(code),
    });
    this.#watchSocket();
    // After the WebsocketProvider's own listener: the update is on the socket before the report about it.
    doc.on('update', this.#onUpdate);
    this.#closeWarning?.setUnsaved(this.#status.hasUnsavedChanges);
    this.#stopWaking = onWake(() => this.#retryNow());
    if (options.connect !== false) this.connect();
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

  /** What the connection runs over; null when there is none. */
  get transport(): Transport | null {
    return this.#transport;
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
    await this.#waiters.wait(this.#progress.localVersion);
  }

  connect(): void {
    if (this.#isDestroyed) return;
    this.#closeReason = null;
    this.#socket.connect();
    this.#loadFirst();
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
    this.#firstLoad?.abort();
    this.#socket.destroy();
    if (this.#ownsAwareness) this.awareness.destroy();
    this.#waiters.reject(destroyedError());
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
      if (status === 'disconnected') forgetOthers(this.awareness);
      if (status !== 'connected') return;
      this.#backoff.opened(Date.now());
      this.#advance({ type: 'opened' });
    });
    socket.on('connection-close', (event) => {
      this.#planReconnect(event?.code);
      this.#setTransport(null);
      this.#ackClock.reset();
      this.#advance({ type: 'lost' });
    });
    socket.on('sync', (isSynced) => {
      if (isSynced) {
        this.#firstLoad?.abort();
        this.#renewal.joined(Date.now());
        if (this.#hasJoined) renewOwn(this.awareness);
        this.#hasJoined = true;
      }
      this.emit('synced', [isSynced]);
    });
    socket.on('closed', ({ code, reason }) => {
      const closed = closeReason(code, reason);
      this.#closeReason = closed;
      this.#advance({ type: 'refused' });
      this.#waiters.reject(new NotSavedError('closed', closed.meaning));
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
    const stockAuth = handlers[MESSAGE.auth];
    handlers[MESSAGE.auth] = (encoder, decoder, socket, isFromServer, type) => {
      if (decoder.arr[decoder.pos] !== AUTH.expiry) {
        stockAuth?.(encoder, decoder, socket, isFromServer, type);
      } else if (isFromServer) void this.#renewToken();
    };
    handlers[MESSAGE.syncStatus] = (_encoder, decoder, _socket, isFromServer) => {
      if (isFromServer) this.#acked(decoder);
    };
  }

  /** The server says that the token ends soon: it gets another one, and the connection goes on. */
  async #renewToken(): Promise<void> {
    const connection = this.#socket.ws;
    const token = await this.#renewal.renewed();
    if (token === null || connection !== this.#socket.ws) return;
    connection?.send(
      encoding.encode((encoder) => {
        encoding.writeVarUint(encoder, MESSAGE.auth);
        encoding.writeVarUint(encoder, AUTH.token);
        encoding.writeVarString(encoder, token);
      }),
    );
  }

  #loadFirst(): void {
    if (!this.#wantsFirstLoad || this.#firstLoad !== null || hasContent(this.doc)) return;
    this.#firstLoad = new AbortController();
    void firstLoad(this.#rest, this.#firstLoad.signal, (update) => {
      // As if the connection had brought it: no change made here.
      Y.applyUpdate(this.doc, update, this.#socket);
      this.emit('loaded', []);
    });
  }

  /** The class that y-websocket makes its sockets from. */
  #socketClass(
    webSocketClass: typeof WebSocket | null,
    options: SynclineProviderOptions,
  ): typeof WebSocket {
    const timing = { ...TRANSPORT_TIMING, ...options.transportTiming };
    const context: FallbackContext = {
      rest: this.#rest,
      token: this.#token,
      doc: this.doc,
      awareness: this.awareness,
      durability: options.durability ?? null,
      choice: new TransportChoice(options.transport ?? 'auto', timing),
      timing,
      webSocketClass,
      position: { lastEventId: null },
      onTransport: (transport) => this.#setTransport(transport),
    };
    class ProviderSocket extends FallbackSocket {
      constructor(url: string, protocols: readonly string[]) {
        super(context, url, protocols);
      }
    }
    return ProviderSocket as unknown as typeof WebSocket;
  }

  #setTransport(transport: Transport | null): void {
    if (transport === this.#transport) return;
    this.#transport = transport;
    this.emit('transport', [transport]);
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
    if (version === null) return;
    this.#advance({ type: 'acked', version });
    const latencyMs = this.#ackClock.acked(version, performance.now());
    if (latencyMs !== null) this.emit('ack', [latencyMs]);
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
    const { localVersion } = this.#progress;
    connection.send(encodeSyncStatus(localVersion));
    this.#ackClock.reported(localVersion, performance.now());
    this.#advance({ type: 'reported' });
  }

  #advance(event: SaveEvent): void {
    this.#progress = advance(this.#progress, event);
    const status = summarize(this.#progress);
    this.#waiters.saved(this.#progress.ackedVersion);
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
}

/** Whether there is anything to save: content, or what waits for something that it depends on. */
function hasContent(doc: Y.Doc): boolean {
  const { clients, pendingStructs, pendingDs } = doc.store;
  return clients.size > 0 || pendingStructs !== null || pendingDs !== null;
}

function isSameStatus(a: SaveStatus, b: SaveStatus): boolean {
  return (
    a.state === b.state &&
    a.unsavedChanges === b.unsavedChanges &&
    a.hasServerAcked === b.hasServerAcked
  );
}
