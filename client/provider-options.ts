/** What a provider is told and what it tells. */
import type { Awareness } from 'y-protocols/awareness';
import type { DocumentName } from '../server/protocol/document-name.ts';
import type { CloseReason } from './close-reason.ts';
import type { Transport } from './link.ts';
import type { SaveStatus } from './status.ts';
import type { Token } from './token-source.ts';
import type { TransportOption, TransportTiming } from './transport-choice.ts';

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
  /**
   * How many changes `doc` holds already that no server has confirmed, where that is known: from an OfflineCopy.
   * Default: one, if it holds anything.
   */
  readonly unsavedChanges?: number;
  /** Query parameters, read again for every connection: change the object to renew a token. */
  readonly params?: Record<string, string>;
  /**
   * When a change counts as saved: `local`, on disk on the node; `replicated`, also on disk in another region. Default: as the
   * node is configured. A node that knows no others refuses `replicated`.
   */
  readonly durability?: 'local' | 'replicated';
  readonly protocols?: readonly string[];
  /**
   * A token, or how to get one: asked for each connection, when the server says that the present one ends soon, and
   * once more after it was refused. It goes into the `Sec-WebSocket-Protocol` and `Authorization` headers.
   */
  readonly token?: Token;
  /**
   * `websocket`, `events` (server-sent events and POSTs, for networks that let no WebSocket through), or `auto`, the
   * default: WebSockets, events while they do not work, and back.
   */
  readonly transport?: TransportOption;
  /**
   * Get the document over HTTP while the connection is being made: faster, and cacheable. Default: true in browsers;
   * only documents that are empty here are loaded so.
   */
  readonly firstLoad?: boolean;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** When transports are given up and tried again; for networks that are known, and for tests. */
  readonly transportTiming?: Partial<TransportTiming>;
  /** Where there is no global `WebSocket` (Node before 22): the class of the `ws` package, or events have to do. */
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
  /** Changes were confirmed as durable: milliseconds since the oldest of them was reported. */
  ack: (latencyMs: number) => void;
  /** The first load brought the server's document, before the connection did. */
  loaded: () => void;
  /** What the connection runs over from now on; null when there is none. */
  transport: (transport: Transport | null) => void;
  /** The server closed for good; nothing reconnects until `connect()` is called. */
  closed: (reason: CloseReason) => void;
};

/** Null: there is none, and events will do. */
export function webSocketClassOf(options: SynclineProviderOptions): typeof WebSocket | null {
  if (options.WebSocketPolyfill !== undefined) {
    return options.WebSocketPolyfill as unknown as typeof WebSocket;
  }
  if (typeof WebSocket !== 'undefined') return WebSocket;
  if (options.transport !== 'websocket') return null;
  throw new TypeError('no WebSocket here: pass WebSocketPolyfill, the class of the ws package');
}

export function webSocketUrl(serverUrl: string): string {
  return serverUrl.replace(/^http/i, 'ws');
}

/** Still read from the application's own object: it may change a token there. */
export function paramsOf({
  params,
  durability,
}: SynclineProviderOptions): Record<string, string> | undefined {
  if (durability === undefined) return params;
  const all: Record<string, string> = Object.create(params ?? null) as Record<string, string>;
  all['durability'] = durability;
  return all;
}

/** y-websocket pastes the name into the URL as it is. */
export function encodePath(name: DocumentName): string {
  return name.split('/').map(encodeURIComponent).join('/');
}
