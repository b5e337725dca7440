/**
 * The parts that tests use of client packages whose types do not fit together: several majors of one package under
 * aliases, types behind `exports` that TypeScript does not follow, and another Yjs.
 */
declare module 'y-websocket-1' {
  export { WebsocketProvider } from 'y-websocket';
}

declare module 'y-websocket-2' {
  export { WebsocketProvider } from 'y-websocket';
}

declare module '@y/y' {
  export interface YType {
    insert(index: number, text: string): void;
    delete(index: number, length: number): void;
    toString(): string;
  }
  export class Doc {
    clientID: number;
    get(name: string): YType;
    destroy(): void;
  }
  export class UndoManager {
    constructor(type: YType, options?: object);
    undo(): void;
    stopCapturing(): void;
  }
}

declare module '@y/websocket' {
  import type { Doc } from '@y/y';
  import type { Awareness } from 'y-protocols/awareness';

  export class WebsocketProvider {
    readonly awareness: Awareness;
    readonly synced: boolean;
    readonly ws: WebSocket | null;
    constructor(url: string, room: string, doc: Doc, options?: object);
    on(event: string, listener: (event: never) => void): void;
    connect(): void;
    disconnect(): void;
    destroy(): void;
  }
}

declare module '@hocuspocus/provider' {
  import type { Awareness } from 'y-protocols/awareness';
  import type * as Y from 'yjs';

  export interface Socket {
    readonly webSocket: WebSocket | null;
    on(event: string, listener: (event: never) => void): void;
    connect(): Promise<unknown>;
    disconnect(): void;
    destroy(): void;
  }
  export interface Provider {
    readonly awareness: Awareness;
    readonly document: Y.Doc;
    readonly hasUnsyncedChanges: boolean;
    readonly unsyncedChanges: number;
    readonly synced: boolean;
    readonly isAuthenticated: boolean;
    readonly authorizedScope: string | undefined;
    on(event: string, listener: (event: never) => void): void;
    attach?(): void;
    sendStateless(payload: string): void;
    sendToken?(): Promise<void>;
    forceSync(): void;
    destroy(): void;
  }
  export interface Package {
    readonly HocuspocusProvider: new (configuration: object) => Provider;
    readonly HocuspocusProviderWebsocket: new (configuration: object) => Socket;
  }
  export const HocuspocusProvider: Package['HocuspocusProvider'];
  export const HocuspocusProviderWebsocket: Package['HocuspocusProviderWebsocket'];
}

declare module 'hocuspocus-provider-2' {
  import type { Package } from '@hocuspocus/provider';
  export const HocuspocusProvider: Package['HocuspocusProvider'];
  export const HocuspocusProviderWebsocket: Package['HocuspocusProviderWebsocket'];
}

declare module 'hocuspocus-provider-3' {
  import type { Package } from '@hocuspocus/provider';
  export const HocuspocusProvider: Package['HocuspocusProvider'];
  export const HocuspocusProviderWebsocket: Package['HocuspocusProviderWebsocket'];
}
