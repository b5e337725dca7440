/**
 * A node that has to go while its disk and its Redis are stuck, with a hundred people on it: it is gone by its deadline,
 * they are elsewhere within five seconds of its goodbye, not all in the same instant, and nothing that was acked is lost.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalOf, ClusterStage } from '../../support/cluster-stage.ts';
import { busiest, Crowd, wordsOf } from '../../support/crowd.ts';
import { Stopwatch } from '../../support/cpu-wait.ts';
import { startHaproxy } from '../../support/haproxy.ts';
import { Rest, pathOf } from '../../support/rest.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 60_000;
const DRAIN_TIMEOUT_MS = 10_000;
const AWAY_MS = 5_000;
/** Enough for a node that has half of them to say goodbye in waves. */
const DOCUMENTS = Array.from({ length: 60 }, (_, index) => `notes-${index}`);
const PEOPLE = 4;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a drain', () => {
  it('[I5] under load, with a stuck disk and a stuck Redis', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const [folder, stuckFile] = [stage.folder(), join(stage.folder(), 'stuck')];
    const start = async (id: string, dataDir: string) =>
      await stage.node({
        id,
        redisUrl: redis.url,
        dataDir,
        env: { DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS), TRUST_PROXY: '1' },
        ...(id === 'leaving' ? { sabotage: { stuckWhile: stuckFile } } : {}),
      });
    const [leaving, staying] = await Promise.all([
      start('leaving', folder),
      start('staying', stage.folder()),
    ]);
    const url = await startHaproxy(
      Object.entries({ leaving, staying }).map(([name, node]) => ({
        name,
        address: node.url.replace('http://', ''),
      })),
    );
    const crowd = new Crowd({
      url,
      documents: DOCUMENTS,
      people: PEOPLE,
      pids: () => stage.pids,
    });
    stage.onFinished(() => {
      crowd.end();
    });
    await waitUntil('everybody is in', () => crowd.isComplete, PATIENCE_MS);
    for (const member of crowd.members) member.type();
    await waitUntil('everybody has written something', () => crowd.isSaved, PATIENCE_MS);
    const theirs = new Set<string>();
    for (const name of DOCUMENTS) {
      const { json } = await new Rest(leaving.url).get(pathOf(name));
      if (Number(json['connections']) > 0) theirs.add(name);
    }
    const movers = crowd.members.filter(({ document }) => theirs.has(document));
    expect(movers.length).toBeGreaterThanOrEqual(100);

    crowd.startTyping(3_000);
    await pause(3_000);
    // What is acked from here on is on the disk of one node, and nowhere else.
    redis.stop();
    await pause(2_000);
    // Some take it along: they are never seen again.
    const gone = movers.filter((_member, index) => index % 10 === 0);
    for (const member of gone) member.leave();
    writeFileSync(stuckFile, '');
    await pause(500);

    const startMs = performance.now();
    const watch = new Stopwatch([process.pid]);
    leaving.terminate();
    const code = await leaving.exited();
    const { tookMs } = watch;
    const stayers = movers.filter((member) => !gone.includes(member));
    await waitUntil('everybody is elsewhere', () => stayers.every(({ isAway }) => !isAway), 15_000);
    const away = stayers.map(({ longestAwayMs }) => longestAwayMs).toSorted((a, b) => a - b);
    const arrivals = stayers.flatMap((member) => member.arrivals.filter((ms) => ms > startMs));
    const perSecond = busiest(arrivals, 1_000);
    await context.annotate(
      `exit ${code} after ${tookMs.toFixed(0)} ms; ${stayers.length} people away for at most ${away.at(-1)?.toFixed(0)} ms, ` +
        `half of them ${away[away.length >> 1]?.toFixed(0)} ms; at most ${perSecond} came in one second`,
    );
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(DRAIN_TIMEOUT_MS + 2_000);
    expect(away.at(-1)).toBeLessThan(AWAY_MS);
    expect(arrivals.length).toBeGreaterThanOrEqual(stayers.length);
    // All at once would be everybody within the first half second of a backoff.
    expect(perSecond).toBeLessThan(0.75 * stayers.length);

    crowd.stopTyping();
    redis.resume();
    const isSaved = (): boolean =>
      crowd.members.every(
        (member) => gone.includes(member) || !member.provider.status.hasUnsavedChanges,
      );
    await waitUntil('everything typed is saved elsewhere', isSaved, PATIENCE_MS);
    crowd.end();
    // The disk lives again, and with it what only it has.
    rmSync(stuckFile);
    const back = await start('leaving', folder);
    for (const node of [back, staying]) {
      const rest = new Rest(node.url);
      const lost = async (): Promise<readonly string[]> =>
        await crowd.lost(async (name) => wordsOf(await rest.document(name)));
      await waitUntil(
        'all that was acked is there',
        async () => (await lost()).length === 0,
        30_000,
      );
    }
    const acked = crowd.members.flatMap((member) => member.acked).length;
    expect(acked).toBeGreaterThan(crowd.members.length);
    for (const name of DOCUMENTS) {
      const docs = await Promise.all(
        [back, staying].map(async ({ url: at }) => await new Rest(at).document(name)),
      );
      expect(new Set(docs.map(canonicalOf)).size, name).toBe(1);
    }
  }, 200_000);
});
