/**
 * Four nodes behind HAProxy, restarted one after the other while people write through it over WebSockets: no edit that was
 * acked is lost, and nobody is without service for longer than five seconds.
 */
import { describe, expect, it } from 'vitest';
import { Cluster } from '../../../chaos/cluster.ts';
import { canonicalOf, ClusterStage } from '../../support/cluster-stage.ts';
import { Crowd, wordsOf } from '../../support/crowd.ts';
import { Rest } from '../../support/rest.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NODES = 4;
const AWAY_MS = 5_000;
const PATIENCE_MS = 60_000;
const DOCUMENTS = Array.from({ length: 20 }, (_, index) => `notes-${index}`);
const PEOPLE = 2;
const TYPE_MS = 500;

describe('a rolling restart', () => {
  it('of four nodes under load through HAProxy: nothing acked is lost, nobody waits for more than 5 s', async (context) => {
    const stage = new ClusterStage(context);
    const cluster = await Cluster.start({ regions: 1, nodes: NODES, env: { LOG_LEVEL: 'error' } });
    stage.onFinished(async () => {
      await cluster.kill();
    });
    const [region] = cluster.regions;
    if (region === undefined) throw new Error('no region');
    const crowd = new Crowd({
      url: region.url,
      documents: DOCUMENTS,
      people: PEOPLE,
      pids: () => [process.pid, ...cluster.processes.flatMap(({ pid }) => pid ?? [])],
    });
    stage.onFinished(() => {
      crowd.end();
    });
    await waitUntil('everybody is in', () => crowd.isComplete, PATIENCE_MS);
    crowd.startTyping(TYPE_MS);

    for (const { process: node, url } of region.nodes) {
      await node.end();
      await node.start();
      await waitUntil(`${node.name} is ready`, async () => await isReady(url), PATIENCE_MS);
    }
    crowd.stopTyping();
    await waitUntil('everything typed is acked', () => crowd.isSaved, PATIENCE_MS);
    const { members } = crowd;
    const moved = members.filter(({ arrivals }) => arrivals.length > 1).length;
    const away = members.map(({ longestAwayMs }) => longestAwayMs).toSorted((a, b) => a - b);
    const acks = members.map(({ longestAckMs }) => longestAckMs).toSorted((a, b) => a - b);
    const acked = members.flatMap((member) => member.acked).length;
    await context.annotate(
      `${acked} edits acked; ${moved} of ${members.length} people moved, away for at most ${away.at(-1)?.toFixed(0)} ms ` +
        `(half of them ${away[away.length >> 1]?.toFixed(0)} ms); the slowest ack took ${acks.at(-1)?.toFixed(0)} ms`,
    );
    expect(moved).toBeGreaterThan(members.length / 2);
    expect(away.at(-1)).toBeLessThan(AWAY_MS);
    // An edit made without a server waits for one: both together are the service that people see.
    expect(acks.at(-1)).toBeLessThan(AWAY_MS);
    expect(acked).toBe(members.reduce((sum, { typed }) => sum + typed, 0));

    // Whoever still lived would bring back what a node had lost.
    crowd.end();
    for (const { url } of region.nodes) {
      const rest = new Rest(url);
      const lost = async (): Promise<readonly string[]> =>
        await crowd.lost(async (name) => wordsOf(await rest.document(name)));
      await waitUntil(
        'all that was acked is there',
        async () => (await lost()).length === 0,
        30_000,
      );
    }
    for (const name of DOCUMENTS) {
      const docs = await Promise.all(
        region.nodes.map(async ({ url }) => await new Rest(url).document(name)),
      );
      expect(new Set(docs.map(canonicalOf)).size, name).toBe(1);
    }
  }, 200_000);
});

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).status === 200;
}
