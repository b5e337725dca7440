/** Takes a scenario through its phases, has the checker judge the history, and leaves history, record and report behind. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type as osType } from 'node:os';
import { join } from 'node:path';
import { check } from '../checker/check.ts';
import { measure } from '../checker/measure.ts';
import { DEFAULT_EXPECTATIONS, type Expectations, type Verdict } from '../checker/verdict.ts';
import type { History } from '../history/events.ts';
import { readHistory } from '../history/history-file.ts';
import { writeReport } from '../report/report.ts';
import type { RunRecord } from '../report/run-record.ts';
import type { OwnScenario, Scenario, StagedScenario } from '../scenarios/scenario.ts';
import type { RunOptions } from './options.ts';
import type { Outcome, Status } from './outcome.ts';
import { LiveView } from '../live/live-view.ts';
import { RunFeed } from './live.ts';
import { Run } from './run.ts';
import { topologyOf } from './topology.ts';

export async function perform(scenario: Scenario, asked: RunOptions): Promise<Outcome> {
  const startedMs = performance.now();
  const { id, title } = scenario;
  const bare = (status: Status, reason: string): Outcome => ({
    scenario: id,
    title,
    status,
    reason,
    seed: asked.seed,
    durationMs: performance.now() - startedMs,
    verdicts: [],
    record: null,
  });
  const obstacle = scenario.obstacle?.() ?? null;
  if (obstacle !== null) return bare('skipped', obstacle);
  try {
    return scenario.kind === 'own'
      ? await performOwn(scenario, asked)
      : await performStaged(scenario, asked);
  } catch (error) {
    return bare('void', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

async function performOwn(scenario: OwnScenario, options: RunOptions): Promise<Outcome> {
  return await scenario.perform(options);
}

async function performStaged(scenario: StagedScenario, asked: RunOptions): Promise<Outcome> {
  const options: RunOptions = { ...asked, ...scenario.stage };
  const run = await Run.start({
    name: scenario.id,
    options,
    env: scenario.env ?? {},
    isFirstApart: scenario.isFirstApart ?? false,
    roams: scenario.roams ?? true,
    access: scenario.access ?? null,
    prepare: scenario.prepare,
  });
  try {
    if (options.isLive) {
      const view = await LiveView.serve(new RunFeed(run));
      run.onEnd(async () => {
        await view.close();
      });
      options.say(`\n  to watch: ${view.url}\n`);
    }
    await run.baseline(scenario.baselineMs);
    await scenario.script(run);
    await run.settle();
    if (scenario.watchesResources === true) await run.watchResources();
    await run.readDisks();
    const history = await historyOf(run);
    return conclude({
      scenario,
      options,
      history,
      expectations: {
        convergeMsMax: options.convergeMsMax,
        neighbours: run.neighbours,
        ...scenario.expectations,
      },
      facts: {
        startedAt: run.startedAt,
        startedMono: run.startedMono,
        durationMs: run.elapsedMs,
        topology: topologyOf(run.stage),
        faults: run.faults.records,
        samples: run.sampler.samples,
        documents: run.docs.length,
      },
      unproven: run.faults.unproven.map(({ id, name }) => `${id} ${name}`),
      isAllSkipped: run.faults.isAllSkipped,
      ownVerdicts: run.ownVerdicts,
    });
  } finally {
    await run.end();
  }
}

async function historyOf(run: Run): Promise<History> {
  const crews = await Promise.all(
    run.fleet.historyPaths.map(async (path) => await readHistory(path)),
  );
  return [...run.recorder.history, ...crews.flat()].toSorted((a, b) => a.mono - b.mono);
}

export interface Conclusion {
  readonly scenario: { readonly id: string; readonly title: string };
  readonly options: RunOptions;
  readonly history: History;
  readonly expectations: Partial<Expectations>;
  readonly facts: Pick<
    RunRecord,
    'startedMono' | 'durationMs' | 'topology' | 'faults' | 'samples' | 'documents'
  > & {
    readonly startedAt: Date;
  };
  readonly unproven: readonly string[];
  readonly isAllSkipped: boolean;
  /** Of the scenario's own, besides K's. */
  readonly ownVerdicts?: readonly Verdict[];
}

/** Judges a history, and writes down what is kept. */
export function conclude(conclusion: Conclusion): Outcome {
  const { scenario, options, history, expectations, facts, unproven, isAllSkipped } = conclusion;
  const { startedAt, ...rest } = facts;
  const { patience } = options;
  const limits = {
    availableMsMax: DEFAULT_EXPECTATIONS.availableMsMax * patience,
    openMsMax: DEFAULT_EXPECTATIONS.openMsMax * patience,
    neighbourSlowdownMax: DEFAULT_EXPECTATIONS.neighbourSlowdownMax * patience,
    ghostMsMax: DEFAULT_EXPECTATIONS.ghostMsMax * patience,
    presenceMsMax: DEFAULT_EXPECTATIONS.presenceMsMax * patience,
  };
  const verdicts = [
    ...check(history, { ...limits, ...expectations }),
    ...(conclusion.ownVerdicts ?? []),
  ];
  const record: RunRecord = {
    scenario: scenario.id,
    title: scenario.title,
    seed: options.seed,
    command: options.command,
    machine: machine(),
    startedAt: startedAt.toISOString(),
    editors: options.editors,
    historyFile: 'history.jsonl',
    verdicts,
    figures: measure(history),
    ...rest,
  };
  if (options.outDir !== null) keep(options.outDir, record, history);
  const broken = verdicts.filter(({ status }) => status === 'failed').map(({ id }) => id);
  const status: Status =
    unproven.length > 0
      ? 'void'
      : broken.length > 0
        ? 'failed'
        : isAllSkipped
          ? 'skipped'
          : 'passed';
  const reasons: Readonly<Record<Status, string | null>> = {
    passed: null,
    failed: broken.join(', '),
    void: `no proof of ${unproven.join(', ')}${broken.length > 0 ? `; ${broken.join(', ')}` : ''}`,
    skipped: facts.faults.map(({ reason }) => reason).join('; '),
  };
  return {
    scenario: scenario.id,
    title: scenario.title,
    status,
    reason: reasons[status],
    seed: options.seed,
    durationMs: facts.durationMs,
    verdicts,
    record,
  };
}

function keep(outDir: string, record: RunRecord, history: History): void {
  mkdirSync(outDir, { recursive: true });
  const lines = history.map((event) => `${JSON.stringify(event)}\n`);
  writeFileSync(join(outDir, record.historyFile), lines.join(''));
  writeReport(record, outDir);
}

function machine(): RunRecord['machine'] {
  const all = cpus();
  return {
    cpus: all.length,
    cpuModel: all[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    os: `${osType()} ${release()}`,
    node: process.version,
  };
}
