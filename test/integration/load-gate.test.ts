import { describe, expect, it } from 'vitest';
import * as decoding from 'lib0/decoding';
import { LevelStore } from '../../persistence/level-store.ts';
import { StoreError, type StoredDocument, type StoreObserver } from '../../persistence/store.ts';
import { createNode, type Node } from '../../server/node.ts';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The real store, with a gate in front of every load. */
class GatedStore extends LevelStore {
  loads = 0;
  failure: StoreError | null = null;
  #open: () => void = () => undefined;
  readonly #gate = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  openGate(): void {
    this.#open();
  }

  override async load(name: string): Promise<StoredDocument> {
    this.loads += 1;
    await this.#gate;
    if (this.failure !== null) throw this.failure;
    return await super.load(name);
  }
}

async function gatedNode(dataDir: string): Promise<{ node: Node; store: GatedStore; url: string }> {
  let store: GatedStore | undefined;
  const node = createNode(
    { port: 0, logLevel: 'silent' },
    {
      createStore: (observer: StoreObserver) => {
        store = new GatedStore({ folder: dataDir, observer });
        return store;
      },
    },
  );
  const url = (await node.listen()).replace(/^http/, 'ws');
  if (store === undefined) throw new Error('no store was made');
  return { node, store, url };
}

async function write(dataDir: string, text: string): Promise<void> {
  const node = createNode({ port: 0, dataDir, logLevel: 'silent' });
  const url = (await node.listen()).replace(/^http/, 'ws');
  const writer = new SyncClient(url, 'notes');
  await writer.whenSynced();
  writer.doc.getText('text').insert(0, text);
  await writer.whenAcked(writer.requestAck());
  writer.destroy();
  await node.close();
}

/** Sync messages (type 0) say something about the document; awareness does not. */
function syncFrames(client: SyncClient): number {
  return client.frames.filter((frame) => decoding.readVarUint(decoding.createDecoder(frame)) === 0)
    .length;
}

describe('opening a document', () => {
  it('[I8] a thousand joins race an open: nobody sees an empty document that is not empty', async () => {
    const dataDir = tempDir();
    await write(dataDir, 'not empty');
    const { node, store, url } = await gatedNode(dataDir);
    const clients = Array.from({ length: 1000 }, () => new SyncClient(url, 'notes'));
    await waitUntil('all to be connected', () =>
      clients.every((client) => client.socket.readyState === client.socket.OPEN),
    );
    await waitUntil('the load to start', () => store.loads > 0);
    expect(clients.reduce((sum, client) => sum + syncFrames(client), 0)).toBe(0);
    store.openGate();
    await Promise.all(clients.map((client) => client.whenSynced()));
    expect(clients.filter((client) => client.text !== 'not empty')).toHaveLength(0);
    expect(store.loads).toBe(1);
    for (const client of clients) client.destroy();
    await node.close();
  });

  it('[I8] a load that fails refuses, retryably, and writes nothing', async () => {
    const dataDir = tempDir();
    await write(dataDir, 'kept');
    const { node, store, url } = await gatedNode(dataDir);
    store.failure = new StoreError('read-failed', 'i/o error');
    store.openGate();
    const client = new SyncClient(url, 'notes');
    client.doc.getText('text').insert(0, 'overwrites?');
    await client.whenClosed();
    expect(client.closeCode).toBe(1013);
    expect(client.isSynced).toBe(false);
    expect(store.queue.records).toBe(0);
    client.destroy();

    store.failure = null;
    const reader = new SyncClient(url, 'notes');
    await reader.whenSynced();
    expect(reader.text).toBe('kept');
    reader.destroy();
    await node.close();
  });

  it('[I8] edits sent while the document loads are applied in order and acked', async () => {
    const dataDir = tempDir();
    await write(dataDir, 'base ');
    const { node, store, url } = await gatedNode(dataDir);
    const client = new SyncClient(url, 'notes');
    await waitUntil('connected', () => client.socket.readyState === client.socket.OPEN);
    for (const letter of 'abcdefgh') client.doc.getText('text').insert(client.text.length, letter);
    const version = client.requestAck();
    store.openGate();
    await client.whenAcked(version);
    client.destroy();
    const reader = new SyncClient(url, 'notes');
    await reader.whenSynced();
    expect(reader.text).toContain('abcdefgh');
    expect(reader.text).toContain('base ');
    reader.destroy();
    await node.close();
  });
});
