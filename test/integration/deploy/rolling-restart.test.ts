/** Nodes restarted one after the other behind HAProxy, with readers and a writer that do not know of it. */
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { Cluster } from '../../../chaos/cluster.ts';
import { waitUntil } from '../../support/wait-until.ts';

const DOCUMENTS = Array.from({ length: 12 }, (_, index) => `notes-${index}`);

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.status;
}

function pathOf(document: string): string {
  return `/v1/documents/${document}/state`;
}

describe('a rolling restart', () => {
  it('is not seen by who reads: every answer is the document', async () => {
    const cluster = await Cluster.start({ regions: 1, nodes: 2, env: { LOG_LEVEL: 'error' } });
    onTestFinished(async () => {
      await cluster.kill();
    });
    const [region] = cluster.regions;
    if (region === undefined) throw new Error('no region');
    for (const document of DOCUMENTS) {
      const written = await statusOf(`${region.url}/v1/documents/${document}/updates`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/octet-stream' },
        body: Buffer.from(updateOf(document)),
      });
      expect(written).toBeLessThan(300);
    }
    for (const { url } of region.nodes) {
      await waitUntil('every node has every document', async () => {
        const statuses = await Promise.all(
          DOCUMENTS.map(async (document) => await statusOf(`${url}${pathOf(document)}`)),
        );
        return statuses.every((status) => status === 200);
      });
    }

    const answers = new Map<number, number>();
    const readAll = async (): Promise<void> => {
      for (const document of DOCUMENTS) {
        const status = await statusOf(`${region.url}${pathOf(document)}`);
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
    };
    for (const { process: node, url } of region.nodes) {
      let isEnded = false;
      const ending = node.end().then(() => {
        isEnded = true;
      });
      await waitUntil(`${node.name} has ended, while people read`, async () => {
        await readAll();
        return isEnded;
      });
      await ending;
      await readAll();
      await node.start();
      await waitUntil(`${node.name} is given documents again`, async () => {
        await readAll();
        const metrics = await (await fetch(`${url}/metrics`)).text();
        return metrics.includes('http_requests_total{route="/v1/documents/{doc}/state"');
      });
    }
    expect([...answers.keys()]).toEqual([200]);
    expect(answers.get(200)).toBeGreaterThan(4 * DOCUMENTS.length);
    await cluster.end();
    expect(cluster.processes.every(({ isRunning }) => !isRunning)).toBe(true);
  });
});
