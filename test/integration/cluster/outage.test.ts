/**
 * [I4] Redis is away for half a minute, killed or stopped: whoever types at a node does not notice, acks go on, the node
 * keeps nothing for later, and afterwards both nodes have what was written at either. Compared with the same node, the
 * same people and the same load just before.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it, type TestContext } from 'vitest';
import { canonicalOf, ClusterStage, sample } from '../../support/cluster-stage.ts';
import { residentBytes } from '../../support/cpu-wait.ts';
import type { NodeProcess } from '../../support/node-process.ts';
import type { RedisProcess } from '../../support/redis-process.ts';
import type { SyncClient } from '../../support/sync-client.ts';
import { Typist, type Pace } from '../../support/typist.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A node that has just started grows by itself: code, caches, threads. On a busy machine that takes a while. */
const WARM_UP_MS = 12_000;
const BEFORE_MS = 8_000;
const OUTAGE_MS = 30_000;
const HEALED_MS = 5_000;
const TYPE_MS = 25;
/** 1.2 MiB/s: what a node kept for later of it would show. */
const BULK_BYTES = 64 * 1024;
const BULK_MS = 50;
const MIB = 1024 * 1024;
/** Of 36 MiB that are written meanwhile. Garbage comes and goes: the least of some seconds counts. */
const GROWTH_BYTES_MAX = 20 * MIB;
const SAMPLES = 8;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Scene {
  readonly stage: ClusterStage;
  readonly redis: RedisProcess;
  readonly a: NodeProcess;
  readonly typist: Typist;
  /** Pairs of the same document, at A and at B. */
  readonly pairs: readonly (readonly [SyncClient, SyncClient])[];
  readonly stop: () => void;
}

async function scene(context: TestContext): Promise<Scene> {
  const stage = new ClusterStage(context);
  const redis = await stage.redis();
  const [a, b] = await Promise.all([
    stage.node({ id: 'a', redisUrl: redis.url }),
    stage.node({ id: 'b', redisUrl: redis.url }),
  ]);
  const [writer, neighbour, far] = [
    stage.client(a, 'notes'),
    stage.client(a, 'notes'),
    stage.client(b, 'notes'),
  ];
  const [bulk, farBulk] = [stage.client(a, 'bulk'), stage.client(b, 'bulk')];
  for (const client of [writer, neighbour, far, bulk, farBulk]) await client.whenSynced();
  const typist = new Typist({ writer, neighbour, everyMs: TYPE_MS });
  // The same key again and again: the document stays small, what is sent does not.
  const filling = setInterval(() => {
    bulk.doc.getMap('map').set('value', randomBytes(BULK_BYTES * 0.75).toString('base64'));
  }, BULK_MS);
  const answering = setInterval(() => {
    far.doc.getText('text').insert(0, 'y');
  }, 10 * TYPE_MS);
  const stop = (): void => {
    typist.stop();
    clearInterval(filling);
    clearInterval(answering);
  };
  stage.onFinished(stop);
  const pairs = [
    [writer, far],
    [bulk, farBulk],
  ] as const;
  return { stage, redis, a, typist, pairs, stop };
}

const shown = ({ edits, acked, seen }: Pace): string =>
  `${edits} edits, acked p50 ${acked.p50.toFixed(1)} p99 ${acked.p99.toFixed(1)} ms, seen p50 ${seen.p50.toFixed(1)} p99 ${seen.p99.toFixed(1)} ms`;

/**
 * Whether nobody waits for Redis. Generous: two cores are shared with everything else here, and what is looked for is a
 * wait of half a second and more, for every edit or for some of them.
 */
function isAsFast(during: Pace, before: Pace): boolean {
  return (['acked', 'seen'] as const).every(
    (what) =>
      during[what].p50 < 2 * before[what].p50 + 25 && during[what].p99 < 3 * before[what].p99 + 500,
  );
}

describe.concurrent('[I4] half a minute without Redis', () => {
  it.for(['killed', 'stopped'] as const)(
    '%s: typing stays as fast, acks go on, memory stays flat, all converges',
    { timeout: 120_000 },
    async (how, context) => {
      const { stage, redis, a, typist, pairs, stop } = await scene(context);
      await pause(WARM_UP_MS);
      typist.pace();
      await pause(BEFORE_MS);
      const before = typist.pace();
      await (how === 'killed' ? redis.kill() : redis.stop());
      // The first seconds, in which a stopped Redis is not yet noticed, count for speed and not for memory.
      await pause(5_000);
      const resident: number[] = [];
      let queuedMax = 0;
      for (let passedMs = 5_000; passedMs < OUTAGE_MS; passedMs += 1_000) {
        resident.push(residentBytes(a.pid));
        queuedMax = Math.max(queuedMax, await sample(a, 'bus_queue_bytes'));
        await pause(1_000);
      }
      const grown = Math.min(...resident.slice(-SAMPLES)) - Math.min(...resident.slice(0, SAMPLES));
      const during = typist.pace();
      expect(await sample(a, 'bus_link_up{region="local"}')).toBe(0);
      await (how === 'killed' ? redis.restart() : redis.resume());
      stop();
      const healedMs = await stage.time('both nodes have the same', () =>
        pairs.every(([here, there]) => canonicalOf(here.doc) === canonicalOf(there.doc)),
      );
      await context.annotate(`before: ${shown(before)}`);
      await context.annotate(`during: ${shown(during)}`);
      await context.annotate(`grown ${(grown / MIB).toFixed(1)} MiB, queued ${queuedMax} bytes`);
      expect(isAsFast(during, before)).toBe(true);
      expect(during.edits / OUTAGE_MS).toBeGreaterThan(before.edits / BEFORE_MS / 2);
      await waitUntil('every edit is acked', () => typist.unackedCount === 0);
      expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
      expect(queuedMax).toBe(0);
      expect(healedMs).toBeLessThan(HEALED_MS);
    },
  );
});
