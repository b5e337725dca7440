/** Both stores as the facade's suites use them, and the few words that those say everything with. */
import { onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { LevelStore } from '../../persistence/level-store.ts';
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { DocumentStore } from '../../persistence/store.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../../server/protocol/errors.ts';
import type { Documents, DocumentState } from '../../server/rooms/documents.ts';
import { load } from './docs.ts';
import { documentName } from './room-house.ts';
import { tempDir } from './temp-dir.ts';

export interface Twin {
  readonly store: DocumentStore;
  /** Ends this process without a word and opens what the next one finds. */
  readonly restart: () => Promise<DocumentStore>;
}

async function opened<T extends DocumentStore>(store: T): Promise<T> {
  await store.open();
  onTestFinished(async () => {
    await store.close();
  });
  return store;
}

export const twins: readonly { readonly name: string; readonly create: () => Promise<Twin> }[] = [
  {
    name: 'LevelStore',
    create: async () => {
      const folder = tempDir();
      const store = await opened(new LevelStore({ folder }));
      return {
        store,
        restart: async () => {
          await store.close();
          return await opened(new LevelStore({ folder }));
        },
      };
    },
  },
  {
    name: 'MemoryStore',
    create: async () => {
      const store = await opened(new MemoryStore({ latencyMs: 2 }));
      return { store, restart: () => opened(store.crash(() => 0)) };
    },
  },
];

export const notes: DocumentName = documentName('notes');
export const NOTHING: Uint8Array = Uint8Array.of(0);
export const EMPTY: Uint8Array = Uint8Array.of(0, 0);

export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  return (await errorOf(work))?.code ?? 'resolved';
}

export async function errorOf(work: Promise<unknown>): Promise<ProtocolError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

export const bytesOf = ({ parts }: DocumentState): Uint8Array =>
  new Uint8Array(Buffer.concat(parts));

export async function docOf(documents: Documents, name: DocumentName = notes): Promise<Y.Doc> {
  return load([bytesOf(await documents.state(name, null))]);
}

export function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON();
}

/** A document, and the updates that it makes. */
export function editor(
  clientId: number,
  from: Uint8Array = EMPTY,
): { doc: Y.Doc; updates: Uint8Array[] } {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  Y.applyUpdate(doc, from);
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  return { doc, updates };
}

export function typed(clientId: number, text: string): Uint8Array {
  const { doc } = editor(clientId);
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}
