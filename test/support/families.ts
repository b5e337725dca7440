/** One client of each family that people bring along, unmodified, connected as its users connect it. */
import { YSweetProvider } from '@y-sweet/client';
import * as hocuspocus4 from '@hocuspocus/provider';
import type { Package, Provider, Socket } from '@hocuspocus/provider';
import { WebsocketProvider as WebsocketProvider4 } from '@y/websocket';
import * as Y14 from '@y/y';
import * as hocuspocus2 from 'hocuspocus-provider-2';
import * as hocuspocus3 from 'hocuspocus-provider-3';
import { onTestFinished } from 'vitest';
import type { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import { WebsocketProvider as WebsocketProvider1 } from 'y-websocket-1';
import { WebsocketProvider as WebsocketProvider2 } from 'y-websocket-2';
import { SynclineProvider } from '../../client/index.ts';
import {
  FamilyClient,
  TEXT,
  Yjs13Client,
  type Family,
  type FamilyOptions,
} from './family-client.ts';

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
