/**
 * Replicated acks between processes: two regions with a real Redis and a real LevelDB each. A region is destroyed right
 * after an ack, and the other one has what was acked. [I1]
 */
import { rmSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import * as Y from 'yjs';
import { SynclineProvider } from '../../../client/index.ts';
import { BusStage } from '../../support/bus-stage.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 20_000;

const urlOf = (port: number): string => `redis://127.0.0.1:${port}`;

async function regions(context: TestContext): Promise<{
  readonly eu: NodeProcess;
  readonly us: NodeProcess;
  readonly euFolder: string;
  /** On the same disk, the other region gone. */
  readonly restartUs: () => Promise<NodeProcess>;
}> {
  const stage = new BusStage(context);
  const [euRedis, usRedis] = await Promise.all([stage.redis(), stage.redis()]);
  const euFolder = tempDir();
  const start = async (
    region: string,
    own: number,
    others: string,
    dataDir: string,
  ): Promise<NodeProcess> =>
    await NodeProcess.start({
      dataDir,
      env: {
        NODE_ID: `node-${region}`,
        REGION: region,
        REDIS_URL: urlOf(own),
        REGIONS: others,
        WRITE_TIMEOUT_MS: '2000',
      },
    });
  const usFolder = tempDir();
  const startUs = async (): Promise<NodeProcess> =>
    await start('us', usRedis.port, `eu=${urlOf(euRedis.port)}`, usFolder);
  const [eu, us] = await Promise.all([
    start('eu', euRedis.port, `us=${urlOf(usRedis.port)}`, euFolder),
    startUs(),
  ]);
  return { eu, us, euFolder, restartUs: startUs };
}

function provider(url: string, context: TestContext): SynclineProvider {
  const made = new SynclineProvider(url, 'notes', new Y.Doc(), {
    durability: 'replicated',
    disableBc: true,
  });
  context.onTestFinished(() => {
    made.destroy();
  });
  return made;
}

describe('two regions', () => {
  it('[I1] a region that is destroyed right after an ack takes nothing acked along', async (context) => {
    const { eu, us, euFolder, restartUs } = await regions(context);
    const ada = provider(eu.url, context);
    const text = ada.doc.getText('text');
    for (let edit = 0; edit < 40; edit += 1) {
      text.insert(text.length, `${edit} `);
      await ada.whenSaved();
    }
    const acked = text.toString();
    // The other one at the same moment: it has nothing but its disk.
    eu.kill();
    us.kill();
    // Still being typed, and never acked.
    text.insert(text.length, 'lost ');
    await Promise.all([eu.exited(), us.exited()]);
    rmSync(euFolder, { recursive: true, force: true });
    expect(ada.status.hasUnsavedChanges).toBe(true);
    ada.destroy();
    const survivor = await restartUs();
    const doc = await new Rest(survivor.url).document('notes');
    expect(doc.getText('text').toString().startsWith(acked)).toBe(true);
  });

  it('[I1] without another region there is no replicated ack, and it is told so; local ones go on', async (context) => {
    const { eu, us } = await regions(context);
    const rest = new Rest(eu.url);
    const path = `${pathOf('notes')}/updates`;
    await waitUntil(
      'the regions know each other',
      async () =>
        (await rest.post(`${path}?durability=replicated`, textUpdate('a', 1))).status === 200,
      PATIENCE_MS,
    );
    us.kill();
    await us.exited();
    const refused = await rest.post(`${path}?durability=replicated`, textUpdate('b', 2));
    expect([refused.status, refused.code]).toEqual([503, 'not-replicated']);
    expect((await rest.post(`${path}?durability=local`, textUpdate('c', 3))).status).toBe(200);
    expect((await rest.post(`${path}?durability=none`, textUpdate('d', 4))).code).toBe(
      'invalid-request',
    );
    const doc = await rest.document('notes');
    expect(doc.getText('text').toString().split('').toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('a node that knows no others has no such level', async () => {
    const alone = await NodeProcess.start({ dataDir: tempDir() });
    const answer = await new Rest(alone.url).post(
      `${pathOf('notes')}/updates?durability=replicated`,
      textUpdate('a', 1),
    );
    expect([answer.status, answer.code]).toEqual([400, 'invalid-request']);
  });
});
