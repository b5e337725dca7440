/** Broken links between nodes and Redis: F32, F50 to F56, F60 to F67. */
import { holdsWithin, pause } from '../engine/clock.ts';
import { readMetrics } from '../engine/observer.ts';
import {
  deafen,
  flapping,
  hostCut,
  mute,
  partition,
  regionSplit,
  slow,
  stalls,
} from '../faults/links.ts';
import {
  corrupts,
  drops,
  dropsDeletes,
  dropsUpdates,
  duplicates,
  reorders,
} from '../faults/messages.ts';
import { drained } from '../faults/processes.ts';
import type { Fault } from '../faults/fault.ts';
import type { Run } from '../engine/run.ts';
import { hostObstacle } from '../stage/host.ts';
import type { Scenario, StagedScenario } from './scenario.ts';

type Staged = Omit<StagedScenario, 'kind' | 'script'>;

/** One fault, all the load long; edits end before it is healed, and nobody helps afterwards. */
function throughout(about: Staged, make: (run: Run) => Fault): Scenario {
  return {
    ...about,
    kind: 'staged',
    script: async (run) => {
      await run.inject(make(run));
      await run.load(1);
    },
  };
}

/**
 * Waits until no node says everything that it knows for a while: such a heartbeat heals whatever the return of a link leads
 * to, and a scenario about that return would pass without it. Where nodes' heartbeats are too far apart the last moment does.
 */
async function betweenFullHeartbeats(run: Run): Promise<void> {
  const isFarOff = async (): Promise<boolean> => {
    const metrics = await Promise.all(
      run.stage.seats.map((seat) => readMetrics(run.addressOf(seat))),
    );
    return metrics.every((of) => {
      const beats = of?.get('bus_heartbeats_total') ?? 0;
      return (
        (FULL_HEARTBEAT_EVERY - (beats % FULL_HEARTBEAT_EVERY)) % FULL_HEARTBEAT_EVERY >=
        BEATS_LEFT_MIN
      );
    });
  };
  const isNow = await holdsWithin(FULL_HEARTBEAT_WAIT_MS, isFarOff, 100);
  run.say(isNow ? 'no full heartbeat is due for a while' : 'full heartbeats are too far apart');
}

const STILL_MS = 34_000;
const FULL_HEARTBEAT_EVERY = 10;
/** What is promised takes five seconds, and a second or two go by until everything is healed and looked at. */
const BEATS_LEFT_MIN = 7;
const FULL_HEARTBEAT_WAIT_MS = 12_000;
const F60_LATENCY = { delayMs: 300, jitterMs: 200 } as const;

export const LINK_SCENARIOS: readonly Scenario[] = [
  throughout(
    { id: 'F50', title: 'two-way partition of a node; edits end before it heals', seconds: 8 },
    (run) => partition(run.stage.seat(0)),
  ),
  {
    id: 'F50-still',
    kind: 'staged',
    title: 'a partition that lasts half a minute longer than the last edit',
    seconds: 5,
    script: async (run) => {
      await run.inject(partition(run.stage.seat(0), 'F50'));
      await run.load(1);
      await run.rest();
      // By then heartbeats no longer speak of these documents every second.
      await pause(STILL_MS);
      await betweenFullHeartbeats(run);
    },
  },
  throughout(
    {
      id: 'F50-host',
      title: 'the host of a node loses its network: a namespace of its own, its interface down',
      seconds: 8,
      isFirstApart: true,
      // It is no loopback address, and reached by nobody else.
      env: { AUTH: 'none' },
      obstacle: hostObstacle,
    },
    (run) => hostCut(run.stage.seat(0)),
  ),
  throughout({ id: 'F51', title: 'one-way: a node hears, cannot publish', seconds: 8 }, (run) =>
    mute(run.stage.seat(0)),
  ),
  throughout({ id: 'F52', title: 'one-way: a node publishes, hears nothing', seconds: 8 }, (run) =>
    deafen(run.stage.seat(0)),
  ),
  throughout(
    { id: 'F53', title: 'regions cut apart, each with its own Redis', seconds: 8 },
    (run) => regionSplit(run.stage),
  ),
  throughout({ id: 'F55', title: 'flapping link, 100 ms up, 400 ms down', seconds: 20 }, (run) =>
    flapping(run.stage.seat(0)),
  ),
  {
    id: 'F56',
    kind: 'staged',
    title: 'partition while documents load, compact, and a node drains',
    seconds: 8,
    // Compaction after every few edits, rooms close soon.
    env: { COMPACT_TAIL_UPDATES: '40', COMPACT_TAIL_BYTES: '4KiB', ROOM_IDLE_MS: '1000' },
    script: async (run) => {
      const [first, second] = [run.stage.seat(0), run.stage.seat(1)];
      const cut = partition(first, 'F56');
      await run.inject(cut);
      await run.load(0.3);
      // It loads every document while it is alone.
      const reloaded = drained(run, first, { id: 'F56' });
      await run.inject(reloaded);
      await run.heal(reloaded);
      await run.load(0.3);
      const drain = drained(run, second, { id: 'F56' });
      await run.inject(drain);
      await run.load(0.2);
      await run.heal(drain);
      await run.load(0.2);
    },
  },
  {
    id: 'F60',
    kind: 'staged',
    title: 'packet loss as stalls, then latency of 300 ± 200 ms, on every link',
    seconds: 12,
    script: async (run) => {
      const links = run.stage.seats.flatMap(({ clientLink, busLinks }) => [
        clientLink,
        ...busLinks.map(({ link }) => link),
      ]);
      const lost = stalls(links, run.random.fork());
      await run.inject(lost);
      await run.load(0.5);
      await run.heal(lost);
      const late = slow({
        id: 'F60',
        name: 'latency of 300 to 500 ms, each way',
        links,
        scope: 'client',
        ...F60_LATENCY,
      });
      await run.inject(late);
      await run.load(0.5);
    },
  },
  throughout({ id: 'F32', title: 'Redis is slow: half a second each way', seconds: 8 }, (run) =>
    slow({
      id: 'F32',
      name: 'Redis is 500 ms away',
      links: run.stage.seats.flatMap(({ busLinks }) => busLinks.map(({ link }) => link)),
      scope: 'bus',
      delayMs: 500,
      jitterMs: 0,
    }),
  ),
  throughout({ id: 'F62', title: 'the bus says half of its messages twice', seconds: 8 }, (run) =>
    duplicates(run.stage, run.random.fork(), 50),
  ),
  throughout({ id: 'F63', title: 'the bus mixes up the order', seconds: 8 }, (run) =>
    reorders(run.stage, run.random.fork(), 1_000),
  ),
  {
    id: 'F64',
    kind: 'staged',
    title: 'the bus drops 1, 10, 50% of its messages',
    seconds: 12,
    script: async (run) => {
      for (const percent of [1, 10, 50]) {
        const fault = drops(run.stage, run.random.fork(), percent);
        await run.inject(fault);
        await run.load(1 / 3);
        if (percent !== 50) await run.heal(fault);
      }
    },
  },
  {
    id: 'F65',
    kind: 'staged',
    title: 'the bus drops only updates that delete',
    seconds: 8,
    script: async (run) => {
      await run.inject(dropsDeletes(run.stage));
      await run.load(1);
      await run.rest();
      await run.order({ do: 'edit-once', dels: true });
    },
  },
  {
    id: 'F66',
    kind: 'staged',
    title: 'the bus drops the last updates before silence',
    seconds: 5,
    script: async (run) => {
      await run.load(1);
      await run.rest();
      await run.inject(dropsUpdates(run.stage));
      await run.order({ do: 'edit-once', dels: false });
    },
  },
  throughout({ id: 'F67', title: 'the bus flips bits', seconds: 8 }, (run) =>
    corrupts(run.stage, run.random.fork(), 30),
  ),
  throughout(
    {
      id: 'F67-signed',
      title: 'the bus flips bits; messages are signed (BUS_SECRET)',
      seconds: 8,
      env: { BUS_SECRET: 'a secret for chaos runs only' },
    },
    (run) => corrupts(run.stage, run.random.fork(), 30),
  ),
];
