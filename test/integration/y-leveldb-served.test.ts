import { LeveldbPersistence } from 'y-leveldb';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createNode, type Node } from '../../server/node.ts';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';

async function start(dataDir: string): Promise<{ node: Node; url: string }> {
  const node = createNode({ port: 0, dataDir, logLevel: 'silent' });
  const url = (await node.listen()).replace(/^http/, 'ws');
  return { node, url };
}

describe('y-leveldb', () => {
  it("[I10] a folder written by y-leveldb's storeUpdate is served, edited and read back by y-leveldb", async () => {
    const dataDir = tempDir();
    const theirs = new LeveldbPersistence(dataDir);
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const word of ['written ', 'by ', 'y-leveldb']) {
      const text = doc.getText('text');
      text.insert(text.length, word);
    }
    for (const update of updates) await theirs.storeUpdate('team/notes', update);
    await theirs.setMeta('team/notes', 'owner', 'ada');
    await theirs.destroy();

    const { node, url } = await start(dataDir);
    const client = new SyncClient(url, 'team/notes');
    await client.whenSynced();
    expect(client.text).toBe('written by y-leveldb');
    client.doc.getText('text').insert(client.text.length, ', edited by Syncline');
    await client.whenAcked(client.requestAck());
    client.destroy();
    await node.close();

    const again = new LeveldbPersistence(dataDir);
    const read = await again.getYDoc('team/notes');
    expect(read.getText('text').toString()).toBe('written by y-leveldb, edited by Syncline');
    expect(await again.getAllDocNames()).toEqual(['team/notes']);
    expect(await again.getMeta('team/notes', 'owner')).toBe('ada');
    expect(Y.decodeStateVector(await again.getStateVector('team/notes'))).toEqual(
      Y.decodeStateVector(Y.encodeStateVector(read)),
    );
    await again.destroy();
  });
});
