/**
 * One client of each family that people bring along, unmodified, connected as its users connect it; and what a test wants
 * to do with any of them.
 */
import { YSweetProvider } from '@y-sweet/client';
import * as hocuspocus4 from '@hocuspocus/provider';
import type { Package, Provider, Socket } from '@hocuspocus/provider';
import { WebsocketProvider as WebsocketProvider4 } from '@y/websocket';
import * as Y14 from '@y/y';
import * as hocuspocus2 from 'hocuspocus-provider-2';
import * as hocuspocus3 from 'hocuspocus-provider-3';
import { onTestFinished, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import type { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import { WebsocketProvider as WebsocketProvider1 } from 'y-websocket-1';
import { WebsocketProvider as WebsocketProvider2 } from 'y-websocket-2';
import * as Y from 'yjs';
import { SynclineProvider } from '../../client/index.ts';

export const FAMILIES = [
  'y-websocket 1',
  'y-websocket 2',
  'y-websocket 3',
  '@y/websocket 4',
  'hocuspocus 2',
  'hocuspocus 3',
  'hocuspocus 4',
  'y-sweet 0.9',
  'syncline',
] as const;

export type Family = (typeof FAMILIES)[number];

export interface FamilyOptions {
  /** Gives a token each time one is asked for. */
  readonly token?: () => string;
  readonly onFinished?: TestContext['onTestFinished'];
}

/** What tests need of a text, in Yjs 13 and 14. */
interface Text {
  insert(index: number, text: string): void;
  delete(index: number, length: number): void;
  toString(): string;
}

interface Undo {
  undo(): void;
  stopCapturing(): void;
}

const TEXT = 'text';

/** Counts the sockets that a client opens. */
class Sockets {
  opened = 0;
  /** Of every socket that went, in order. */
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  /** Frames that came, as they came; the newest last. */
  onFrame: ((frame: Uint8Array) => void) | null = null;
  readonly Class: typeof globalThis.WebSocket;
  #current: WebSocket | null = null;

  constructor() {
    // oxlint-disable-next-line typescript/no-this-alias -- the class below has a `this` of its own
    const sockets = this;
    class Counting extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        sockets.#current = this;
        // A client that gives up during a handshake closes it, which `ws` calls an error.
        this.on('error', () => undefined);
        this.on('open', () => {
          sockets.opened += 1;
        });
        this.on('message', (data: Uint8Array | ArrayBuffer) => {
          sockets.onFrame?.(new Uint8Array(data));
        });
        this.on('close', (code: number, reason: Buffer) => {
          sockets.closes.push({ code, reason: reason.toString() });
        });
      }
    }
    this.Class = Counting as unknown as typeof globalThis.WebSocket;
  }

  /** The line breaks, without a goodbye. */
  cut(): void {
    this.#current?.terminate();
  }
}

export abstract class FamilyClient {
  abstract readonly family: Family;
  abstract readonly awareness: Awareness;
  readonly sockets: Sockets = new Sockets();
  readonly #text: Text;
  readonly #undo: Undo;

  constructor(text: Text, undo: Undo) {
    this.#text = text;
    this.#undo = undo;
  }

  abstract get isSynced(): boolean;
  /** The family's own indicator; null where it has none. */
  abstract get isSaved(): boolean | null;
  /** By the application's own will, and back. */
  abstract disconnect(): void;
  abstract connect(): void;
  abstract destroy(): void;

  get text(): string {
    return this.#text.toString();
  }

  insert(index: number, text: string): void {
    this.#undo.stopCapturing();
    this.#text.insert(index, text);
  }

  delete(index: number, length: number): void {
    this.#undo.stopCapturing();
    this.#text.delete(index, length);
  }

  undo(): void {
    this.#undo.undo();
  }

  point(name: string): void {
    this.awareness.setLocalStateField('user', { name });
  }

  /** Who is there, by the names that they have given themselves. */
  get people(): readonly string[] {
    const names: string[] = [];
    for (const state of this.awareness.getStates().values()) {
      const { user } = state as { user?: { name?: string } };
      if (user?.name !== undefined) names.push(user.name);
    }
    return names.toSorted();
  }
}

abstract class Yjs13Client extends FamilyClient {
  readonly doc: Y.Doc;

  constructor(doc: Y.Doc = new Y.Doc()) {
    const text = doc.getText(TEXT);
    super(text, new Y.UndoManager(text));
    this.doc = doc;
  }
}

export class YWebsocketClient extends Yjs13Client {
  readonly family: Family;
  readonly provider: WebsocketProvider;

  constructor(version: 1 | 2 | 3, url: string, document: string, { token }: FamilyOptions) {
    super();
    this.family = `y-websocket ${version}`;
    const Class = [WebsocketProvider1, WebsocketProvider2, WebsocketProvider][version - 1];
    if (Class === undefined) throw new Error('no such version');
    this.provider = new Class(url, document, this.doc, {
      WebSocketPolyfill: this.sockets.Class,
      disableBc: true,
      params: token === undefined ? {} : { token: token() },
    });
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  get isSaved(): null {
    return null;
  }

  disconnect(): void {
    this.provider.disconnect();
  }

  connect(): void {
    this.provider.connect();
  }

  destroy(): void {
    this.provider.destroy();
  }
}

export class YWebsocket4Client extends FamilyClient {
  readonly family = '@y/websocket 4';
  readonly provider: WebsocketProvider4;

  constructor(url: string, document: string, { token }: FamilyOptions) {
    const doc = new Y14.Doc();
    const text = doc.get(TEXT);
    super(text, new Y14.UndoManager(text));
    this.provider = new WebsocketProvider4(url, document, doc, {
      WebSocketPolyfill: this.sockets.Class,
      disableBc: true,
      params: token === undefined ? {} : { token: token() },
    });
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  get isSaved(): null {
    return null;
  }

  disconnect(): void {
    this.provider.disconnect();
  }

  connect(): void {
    this.provider.connect();
  }

  destroy(): void {
    this.provider.destroy();
  }
}

const HOCUSPOCUS: Readonly<Record<2 | 3 | 4, Package>> = {
  2: hocuspocus2,
  3: hocuspocus3,
  4: hocuspocus4,
};

export interface HocuspocusOptions extends FamilyOptions {
  /** Of another client, to share its socket. */
  readonly socket?: Socket;
  readonly configuration?: object;
}

export class HocuspocusClient extends Yjs13Client {
  readonly family: Family;
  readonly provider: Provider;
  readonly socket: Socket;
  /** Reasons of refusals, in order. */
  readonly denials: string[] = [];
  readonly signals: string[] = [];

  constructor(version: 2 | 3 | 4, url: string, document: string, options: HocuspocusOptions = {}) {
    super();
    this.family = `hocuspocus ${version}`;
    const { HocuspocusProvider, HocuspocusProviderWebsocket } = HOCUSPOCUS[version];
    this.socket =
      options.socket ??
      new HocuspocusProviderWebsocket({
        url,
        WebSocketPolyfill: this.sockets.Class,
        minDelay: 50,
        delay: 50,
      });
    this.provider = new HocuspocusProvider({
      websocketProvider: this.socket,
      name: document,
      document: this.doc,
      broadcast: false,
      ...(options.token === undefined ? {} : { token: options.token }),
      onAuthenticationFailed: ({ reason }: { reason: string }) => {
        this.denials.push(reason);
      },
      onStateless: ({ payload }: { payload: string }) => {
        this.signals.push(payload);
      },
      ...options.configuration,
    });
    this.provider.attach?.();
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  get isSaved(): boolean {
    return !this.provider.hasUnsyncedChanges;
  }

  disconnect(): void {
    this.socket.disconnect();
  }

  connect(): void {
    void this.socket.connect();
  }

  destroy(): void {
    this.provider.destroy();
    this.socket.destroy();
  }
}

export class YSweetClient extends Yjs13Client {
  readonly family = 'y-sweet 0.9';
  readonly provider: YSweetProvider;

  constructor(url: string, document: string, { token }: FamilyOptions) {
    super();
    const clientToken = (): Promise<{
      url: string;
      baseUrl: string;
      docId: string;
      token: string;
    }> =>
      Promise.resolve({
        url: `${url}/d/${document}/ws`,
        baseUrl: `${url.replace(/^ws/, 'http')}/d/${document}`,
        docId: document,
        token: token?.() ?? 'opaque',
      });
    this.provider = new YSweetProvider(clientToken, document, this.doc, {
      WebSocketPolyfill: this.sockets.Class,
      showDebuggerLink: false,
    });
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.status === 'connected';
  }

  get isSaved(): boolean {
    return !this.provider.hasLocalChanges;
  }

  disconnect(): void {
    this.provider.disconnect();
  }

  connect(): void {
    void this.provider.connect();
  }

  destroy(): void {
    // Its destroy() closes the socket, for which it reconnects; a test must not go on with that for ever.
    this.provider.connect = () => Promise.resolve();
    this.provider.disconnect();
    this.provider.destroy();
  }
}

export class SynclineClient extends Yjs13Client {
  readonly family = 'syncline';
  readonly provider: SynclineProvider;

  constructor(url: string, document: string, { token }: FamilyOptions) {
    super();
    this.provider = new SynclineProvider(url.replace(/^ws/, 'http'), document, this.doc, {
      WebSocketPolyfill: this.sockets.Class,
      disableBc: true,
      ...(token === undefined ? {} : { token }),
    });
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  get isSaved(): boolean {
    return this.provider.status.state === 'saved';
  }

  disconnect(): void {
    this.provider.disconnect();
  }

  connect(): void {
    this.provider.connect();
  }

  destroy(): void {
    this.provider.destroy();
  }
}

/** Ended with the test. */
export function openClient(
  family: Family,
  webSocketUrl: string,
  document: string,
  options: FamilyOptions = {},
): FamilyClient {
  const client = makeClient(family, webSocketUrl, document, options);
  (options.onFinished ?? onTestFinished)(() => {
    client.destroy();
  });
  return client;
}

function makeClient(
  family: Family,
  url: string,
  document: string,
  options: FamilyOptions,
): FamilyClient {
  switch (family) {
    case 'y-websocket 1':
      return new YWebsocketClient(1, url, document, options);
    case 'y-websocket 2':
      return new YWebsocketClient(2, url, document, options);
    case 'y-websocket 3':
      return new YWebsocketClient(3, url, document, options);
    case '@y/websocket 4':
      return new YWebsocket4Client(url, document, options);
    case 'hocuspocus 2':
      return new HocuspocusClient(2, url, document, options);
    case 'hocuspocus 3':
      return new HocuspocusClient(3, url, document, options);
    case 'hocuspocus 4':
      return new HocuspocusClient(4, url, document, options);
    case 'y-sweet 0.9':
      return new YSweetClient(url, document, options);
    case 'syncline':
      return new SynclineClient(url, document, options);
  }
}
