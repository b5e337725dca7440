/**
 * What a test wants to do with a client of any family: edit, undo, point, go and come back, and look at what it shows.
 * The families themselves are in families.ts.
 */
import type { TestContext } from 'vitest';
import { WebSocket } from 'ws';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';

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

/** The root that all of them edit. */
export const TEXT = 'text';

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

export abstract class Yjs13Client extends FamilyClient {
  readonly doc: Y.Doc;

  constructor(doc: Y.Doc = new Y.Doc()) {
    const text = doc.getText(TEXT);
    super(text, new Y.UndoManager(text));
    this.doc = doc;
  }
}
