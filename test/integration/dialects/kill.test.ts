/** `kill -9` right after each family's indicator has turned: nothing that it covered is missing. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { OfflineFolder } from '../../../persistence/index.ts';
import { openClient } from '../../support/families.ts';
import type { Family } from '../../support/family-client.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const WORDS = 40;

/** Resolves in the turn in which everything is saved by the client's own account. */
async function whenSaved(isSaved: () => boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (isSaved()) resolve();
      else setImmediate(look);
    };
    look();
  });
}

async function storedText(dataDir: string): Promise<string> {
  const folder = await OfflineFolder.open(dataDir);
  const doc = new Y.Doc();
  for (const update of await folder.updates('notes')) Y.applyUpdate(doc, update);
  await folder.close();
  return doc.getText('text').toJSON();
}

describe('kill -9 when the indicator has turned', () => {
  it.each([
    'hocuspocus 2',
    'hocuspocus 3',
    'hocuspocus 4',
    'y-sweet 0.9',
    'syncline',
  ] as const satisfies readonly Family[])(
    '[I1] %s: what it called saved is there',
    async (family) => {
      const dataDir = tempDir();
      const node = await NodeProcess.start({ dataDir });
      const client = openClient(family, node.webSocketUrl, 'notes');
      await waitUntil('there', () => client.isSynced && client.isSaved === true, 20_000);
      for (let word = 0; word < WORDS; word += 1) {
        client.insert(client.text.length, `${word} `);
        if (word % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // Offline work, too, some of which is flushed as frames of its own.
      client.sockets.cut();
      client.insert(client.text.length, 'offline ');
      await waitUntil('away', () => client.sockets.closes.length > 0);
      client.insert(client.text.length, 'away ');
      await whenSaved(() => client.sockets.opened > 1 && client.isSaved === true);
      node.kill();
      const expected = client.text;
      await node.exited();
      expect(await storedText(dataDir)).toBe(expected);
    },
    40_000,
  );

  it('[I1] @y/websocket 4: what was echoed is there', async () => {
    const dataDir = tempDir();
    const node = await NodeProcess.start({ dataDir });
    const client = openClient('@y/websocket 4', node.webSocketUrl, 'notes');
    await waitUntil('there', () => client.isSynced, 20_000);
    let isEchoed = false;
    client.sockets.onFrame = (frame) => {
      if (frame[0] !== 0 || !Buffer.from(frame).includes('last')) return;
      if (!isEchoed) node.kill();
      isEchoed = true;
    };
    for (let word = 0; word < WORDS; word += 1) client.insert(client.text.length, `${word} `);
    client.insert(client.text.length, 'last');
    await waitUntil('the echo', () => isEchoed);
    await node.exited();
    expect(await storedText(dataDir)).toBe(client.text);
  });
});
