/**
 * The most sensitive durability test there is: kill -9 the instant the ack is seen, destroy the writer (a live
 * one would upload again what the server forgot), restart, read with a fresh client.
 */
import { describe, expect, it } from 'vitest';
import { NodeProcess } from '../support/node-process.ts';
import type { Sabotage } from '../support/sabotage.ts';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';

/** One node life: what former lives acked is read, one more edit is made, acked, and the node killed. */
async function life(
  dataDir: string,
  cycle: number,
  acked: readonly string[],
  sabotage: Sabotage,
): Promise<{ missing: string[]; token: string }> {
  const node = await NodeProcess.start({ dataDir, sabotage });
  const reader = new SyncClient(node.webSocketUrl, 'notes');
  await reader.whenSynced();
  const { text } = reader;
  const missing = acked.filter((token) => !text.includes(token));
  reader.destroy();

  const writer = new SyncClient(node.webSocketUrl, 'notes');
  await writer.whenSynced();
  const token = `[${cycle}]`;
  writer.doc.getText('text').insert(0, token);
  await writer.whenAcked(writer.requestAck());
  node.kill();
  writer.destroy();
  await node.exited();
  return { missing, token };
}

async function cycles(
  count: number,
  sabotage: Sabotage,
): Promise<{ acked: number; missing: string[] }> {
  const dataDir = tempDir();
  const acked: string[] = [];
  for (let cycle = 0; cycle <= count; cycle += 1) {
    const { missing, token } = await life(dataDir, cycle, acked, sabotage);
    if (missing.length > 0) return { acked: acked.length, missing };
    acked.push(token);
  }
  return { acked: acked.length, missing: [] };
}

describe('kill -9 the instant an ack arrives', () => {
  it('[I1] 200 cycles: nothing acked is missing', { timeout: 600_000 }, async () => {
    const { acked, missing } = await cycles(200, {});
    expect(missing).toEqual([]);
    expect(acked).toBe(201);
  });

  it('catches a node that acks before the batch is on disk', { timeout: 120_000 }, async () => {
    // The loss is seen by the reader, or by the node itself: its witness knows of a commit that is not there.
    const outcome = await cycles(20, { ackBeforeBatch: true }).catch((error: unknown) =>
      String(error),
    );
    if (typeof outcome === 'string') expect(outcome).toContain('is refused');
    else expect(outcome.missing).not.toEqual([]);
  });
});
