/** F02, F03, F04, F10 and both at length: nodes that die the instant an ack is seen, and logs that power loss cuts. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lane, type LaneOptions, type LifeKind } from '../durability/lane.ts';
import { killAtCall, straceObstacle } from '../faults/strace.ts';
import { mono } from '../engine/clock.ts';
import type { RunOptions } from '../engine/options.ts';
import type { Outcome } from '../engine/outcome.ts';
import { conclude } from '../engine/perform.ts';
import { verifyFacts, verifyFolder } from '../engine/verify.ts';
import { Guard } from '../guard.ts';
import { HistoryRecorder } from '../history/recorder.ts';
import { seededRandom } from '../random.ts';
import type { FaultRecord } from '../report/run-record.ts';
import type { OwnScenario, Scenario } from './scenario.ts';

/** Two: what a machine with two cores can start at a time. */
const LANES = 2;
const PROGRESS_MS = 10_000;

interface Plan {
  readonly id: string;
  readonly title: string;
  /** In turns, on every lane. */
  readonly kinds: readonly LifeKind[];
  /** Lives for each of `--cycles`. */
  readonly wrap?: LaneOptions['wrap'];
}

function scenarioOf(
  plan: Plan,
  cyclesOf: (options: RunOptions) => number,
  obstacle?: () => string | null,
): Scenario {
  const scenario: OwnScenario = {
    kind: 'own',
    id: plan.id,
    title: plan.title,
    seconds: 60,
    ...(obstacle === undefined ? {} : { obstacle }),
    perform: async (options) => await performLives(plan, options, cyclesOf(options)),
  };
  return scenario;
}

async function performLives(plan: Plan, options: RunOptions, cycles: number): Promise<Outcome> {
  const startedMono = mono();
  const startedAt = new Date();
  const folder = mkdtempSync(join(tmpdir(), 'syncline-lives-'));
  const guard = new Guard();
  guard.watchFolder(folder);
  const recorder = new HistoryRecorder({ mono, wall: Date.now });
  const random = seededRandom(options.seed);
  const lanes = await Promise.all(
    Array.from({ length: LANES }, async (_, index) => {
      const name = `lane-${index + 1}`;
      return await Lane.open({
        name,
        folder: join(folder, name),
        serverMain: options.serverMain,
        random: random.fork(),
        recorder,
        guard,
        ...(plan.wrap === undefined ? {} : { wrap: plan.wrap }),
      });
    }),
  );
  const lives = cycles * plan.kinds.length;
  const sum = (of: (lane: Lane) => number): number =>
    lanes.reduce((total, lane) => total + of(lane), 0);
  const progress = (): string =>
    `${sum(({ counts }) => counts.kills)} kills, ${sum(({ counts }) => counts.cuts)} cut logs, ${sum(({ counts }) => counts.early)} deaths while starting, ${sum(({ counts }) => counts.acked)} edits acked, ${sum(({ counts }) => counts.lost)} lost`;
  const timer = setInterval(() => {
    options.say(`${((mono() - startedMono) / 1_000).toFixed(0).padStart(6)} s  ${progress()}`);
  }, PROGRESS_MS);
  const halt = new AbortController();
  // ctrl-c ends it early, and what was seen by then is judged.
  const stop = (): void => {
    halt.abort();
  };
  process.once('SIGINT', stop);
  try {
    let next = 0;
    await Promise.all(
      lanes.map(async (lane) => {
        while (next < lives && !halt.signal.aborted) {
          const kind = plan.kinds[next % plan.kinds.length] ?? 'kill';
          next += 1;
          await lane.live(kind);
        }
      }),
    );
    recorder.record('driver', { f: 'mark', name: 'writers-destroyed' });
    recorder.record('driver', { f: 'mark', name: 'nodes-restarted' });
    await Promise.all(lanes.map(async (lane) => await lane.readAll()));
    for (const [index, { docs }] of lanes.entries()) {
      const name = `lane-${index + 1}`;
      const verification = await verifyFolder(join(folder, name), options.serverMain);
      for (const fact of verifyFacts(name, docs, verification)) recorder.record('driver', fact);
    }
    recorder.record('driver', { f: 'mark', name: 'end' });
  } finally {
    process.off('SIGINT', stop);
    clearInterval(timer);
    await guard.end();
  }
  options.say(progress());
  const lag = lanes.flatMap(({ counts }) => counts.ackToKillMs).toSorted((a, b) => a - b);
  const life = lanes.flatMap(({ counts }) => counts.lifeMs);
  const proof = `${progress()}; ${Math.round(life.reduce((a, b) => a + b, 0) / Math.max(1, life.length))} ms a life${lag.length === 0 ? '' : `, signal ${(lag[Math.floor(lag.length * 0.99)] ?? 0).toFixed(2)} ms after the ack (p99)`}`;
  const happened = sum(({ counts }) => counts.kills + counts.cuts + counts.early) > 0;
  const fault: FaultRecord = {
    id: plan.id,
    name: plan.title,
    targets: lanes.map((_, index) => `lane-${index + 1}`),
    fromMs: 0,
    toMs: mono() - startedMono,
    status: 'injected',
    proof: happened ? proof : null,
    reason: null,
  };
  return conclude({
    scenario: plan,
    options: { ...options, editors: LANES },
    history: [...recorder.history].toSorted((a, b) => a.mono - b.mono),
    expectations: { isFullyReplicated: false },
    facts: {
      startedAt,
      startedMono,
      durationMs: mono() - startedMono,
      topology: {
        regions: ['local'],
        nodes: lanes.map((_, index) => ({ id: `lane-${index + 1}`, region: 'local' })),
        redises: [],
        links: [],
      },
      faults: [fault],
      samples: [],
      documents: lanes.reduce((total, { docs }) => total + docs.length, 0),
    },
    unproven: happened ? [] : [plan.id],
    isAllSkipped: false,
  });
}

const quick = ({ seconds }: RunOptions): number => Math.max(4, Math.round(seconds / 2));

export const DURABILITY_SCENARIOS: readonly Scenario[] = [
  scenarioOf({ id: 'F02', title: 'kill -9 the instant an ack is seen', kinds: ['kill'] }, quick),
  scenarioOf(
    { id: 'F10', title: 'power loss: the log is cut at or above the last ack', kinds: ['cut'] },
    quick,
  ),
  scenarioOf(
    {
      id: 'F03',
      title: 'kill -9 in the middle of a batch: at an fdatasync, entering it',
      kinds: ['traced'],
      wrap: (spec, random) => killAtCall(spec, 'fdatasync', 3 + random.below(30)),
    },
    quick,
    straceObstacle,
  ),
  scenarioOf(
    {
      id: 'F04',
      title: 'kill -9 while files come and go: opening, rotation, compaction',
      kinds: ['traced'],
      wrap: (spec, random) =>
        killAtCall(
          spec,
          random.pick(['rename', 'unlink', 'ftruncate', 'mkdir']),
          1 + random.below(4),
        ),
    },
    quick,
    straceObstacle,
  ),
  scenarioOf(
    {
      id: 'F71-kill',
      title:
        'cut off between sending and the ack, sent again, and kill -9 the instant that is acked',
      kinds: ['resend'],
    },
    quick,
    straceObstacle,
  ),
  scenarioOf(
    {
      id: 'durability',
      title: '--cycles kills at the ack and as many cut logs (F02, F10)',
      kinds: ['kill', 'cut'],
    },
    ({ cycles }) => cycles,
  ),
];
