/** Ending a node whose disk does not answer any more: within its deadline, and never silently. */
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { LevelStore } from '../../persistence/level-store.ts';
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { StoreObserver } from '../../persistence/store.ts';
import { metric, startNode } from '../support/in-process-node.ts';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A store whose last close never comes back, as `fsync` on a dead disk does not. */
class HangingStore extends LevelStore {
  override close(): Promise<void> {
    return new Promise(() => undefined);
  }

  async end(): Promise<void> {
    await super.close();
  }
}

describe('a drain', () => {
  it('[I5] ends within its deadline although the disk hangs', async () => {
    let store: HangingStore | undefined;
    const { node } = await startNode(
      { drainTimeoutMs: 200 },
      {
        createStore: (observer: StoreObserver) => {
          store = new HangingStore({ folder: tempDir(), observer });
          return store;
        },
      },
    );
    let isEnded = false;
    void node.drain().then(() => {
      isEnded = true;
    });
    await waitUntil('the drain to end', () => isEnded, 5000);
    await store?.end();
  });

  it('[I5] says how many updates never reached the disk, and none of them was acked', async () => {
    const lines: string[] = [];
    let store: MemoryStore | undefined;
    const { node, webSocketUrl } = await startNode(
      { drainTimeoutMs: 200 },
      {
        logger: pino({ level: 'error' }, { write: (line: string) => lines.push(line) }),
        createStore: (observer: StoreObserver) => {
          store = new MemoryStore({ observer });
          return store;
        },
      },
    );
    const writer = new SyncClient(webSocketUrl, 'notes');
    await writer.whenSynced();
    store?.failWrites();
    writer.doc.getText('text').insert(0, 'never durable');
    const version = writer.requestAck();
    await waitUntil('accepted', async () => (await metric(node, 'updates_accepted_total')) === 1);
    await node.drain();
    expect(lines.some((line) => line.includes('never reached the disk'))).toBe(true);
    expect(writer.ackedVersion).toBeLessThan(version);
    writer.destroy();
  });
});
