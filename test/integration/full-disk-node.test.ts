/**
 * A disk that fills up under a running node, and is freed again: seen from its clients and its operator.
 * On a small tmpfs of its own; without root the same through a store that is told to fail.
 */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { createNode } from '../../server/node.ts';
import { NodeProcess } from '../support/node-process.ts';
import type { Sabotage } from '../support/sabotage.ts';
import { smallDisk } from '../support/small-disk.ts';
import { SyncClient } from '../support/sync-client.ts';
import { waitUntil } from '../support/wait-until.ts';

const isRoot = process.getuid?.() === 0;

async function readiness(url: string): Promise<number> {
  return (await fetch(`${url}/readyz`)).status;
}

/** Writes edits until the node says that it cannot write any more. */
async function writeUntilUnready(writer: SyncClient, url: string): Promise<void> {
  await waitUntil(
    'the node to turn unready',
    async () => {
      writer.doc.getText('text').insert(0, 'x'.repeat(2000));
      return (await readiness(url)) === 503;
    },
    30_000,
  );
}

interface Outcome {
  wasAckedWhileFull: boolean;
  couldRead: boolean;
  missingAfterKill: string[];
}

async function fullDisk(sabotage: Sabotage): Promise<Outcome> {
  const disk = smallDisk();
  const node = await NodeProcess.start({ dataDir: disk.dir, sabotage });
  const writer = new SyncClient(node.webSocketUrl, 'notes');
  await writer.whenSynced();
  writer.doc.getText('text').insert(0, '[before]');
  await writer.whenAcked(writer.requestAck());

  disk.fill();
  const isSilent = sabotage.ackBeforeBatch === true || sabotage.skipReopen === true;
  if (isSilent) {
    for (let count = 0; count < 50; count += 1) {
      writer.doc.getText('text').insert(0, 'x'.repeat(2000));
    }
  } else {
    await writeUntilUnready(writer, node.url);
  }
  writer.doc.getText('text').insert(0, '[full]');
  const whileFull = writer.requestAck();
  const reader = new SyncClient(node.webSocketUrl, 'notes');
  await reader.whenSynced();
  await reader.until('what was written meanwhile', () => reader.text.includes('[full]'));
  const couldRead = reader.text.includes('[before]');
  reader.destroy();
  const wasAckedWhileFull = writer.ackedVersion >= whileFull;

  disk.free();
  if (!isSilent) {
    await writer.whenAcked(whileFull);
    await waitUntil('ready again', async () => (await readiness(node.url)) === 200);
  }
  const after: string[] = [];
  for (let count = 0; count < 20; count += 1) {
    const token = `[after ${count}]`;
    writer.doc.getText('text').insert(0, token);
    await writer.whenAcked(writer.requestAck());
    after.push(token);
  }
  node.kill();
  writer.destroy();
  await node.exited();

  const again = await NodeProcess.start({ dataDir: disk.dir, env: { ACCEPT_DATA_LOSS: '1' } });
  const fresh = new SyncClient(again.webSocketUrl, 'notes');
  await fresh.whenSynced();
  const { text } = fresh;
  fresh.destroy();
  again.kill();
  await again.exited();
  const missingAfterKill = ['[before]', '[full]', ...after].filter(
    (token) => !text.includes(token),
  );
  return { wasAckedWhileFull, couldRead, missingAfterKill };
}

describe('a full disk', () => {
  it.runIf(isRoot)(
    '[I5] no ack while it is full, unready, reads work; space returns: all is acked without a restart; kill -9: nothing acked is missing',
    { timeout: 120_000 },
    async () => {
      expect(await fullDisk({})).toEqual({
        wasAckedWhileFull: false,
        couldRead: true,
        missingAfterKill: [],
      });
    },
  );

  it.runIf(isRoot)(
    'the same test catches a node that does not reopen its database after ENOSPC',
    { timeout: 120_000 },
    async () => {
      const { missingAfterKill } = await fullDisk({ skipReopen: true });
      expect(missingAfterKill).not.toEqual([]);
    },
  );

  it('[I5] through a failing store: unsaved is told, reads work, and all is acked when it recovers', async () => {
    let store: MemoryStore | undefined;
    const node = createNode(
      { port: 0, logLevel: 'silent' },
      {
        createStore: (observer) => {
          store = new MemoryStore({ observer });
          return store;
        },
      },
    );
    const httpUrl = await node.listen();
    const url = httpUrl.replace(/^http/, 'ws');
    const writer = new SyncClient(url, 'notes');
    await writer.whenSynced();
    await writer.whenAcked(writer.requestAck());
    store?.failWrites();
    writer.doc.getText('text').insert(0, 'kept');
    const version = writer.requestAck();
    await waitUntil('unready', async () => (await readiness(httpUrl)) === 503);
    const reader = new SyncClient(url, 'notes');
    await reader.whenSynced();
    await reader.until('the edit', () => reader.text === 'kept');
    // Slow acks are answered with the last durable one, so that impatient clients stay connected.
    const frames = writer.frames.length;
    await writer.until('a sign of life', () => writer.frames.length > frames);
    expect(writer.ackedVersion).toBeLessThan(version);
    store?.recover();
    await writer.whenAcked(version);
    expect(await readiness(httpUrl)).toBe(200);
    writer.destroy();
    reader.destroy();
    await node.close();
  });
});
