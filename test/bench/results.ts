/** The results of one workload, as they are written beside the table and read again for RESULTS.md. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from './peers.ts';
import type { ServerId, ServerKind } from './servers.ts';
import type { Metric, Outcome, Workload } from './workload.ts';

const RESULTS_DIR = join(PROJECT_ROOT, 'test/bench/results');

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly kernel: string;
}

export interface ServerResult {
  readonly id: ServerId;
  readonly label: string;
  readonly version: string;
  readonly storage: string;
  /** One a round. */
  readonly outcomes: readonly Outcome[];
}

export interface WorkloadResult {
  readonly workload: string;
  readonly summary: string;
  readonly metrics: readonly Metric[];
  readonly date: string;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly machine: Machine;
  readonly servers: readonly ServerResult[];
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: release(),
  };
}

export function collect(
  workload: Workload,
  outcomes: ReadonlyMap<ServerKind, readonly Outcome[]>,
  settings: { readonly isQuick: boolean; readonly rounds: number },
): WorkloadResult {
  return {
    workload: workload.name,
    summary: workload.summary,
    metrics: workload.metrics,
    date: new Date().toISOString(),
    ...settings,
    machine: machine(),
    servers: [...outcomes].map(([kind, each]) => ({
      id: kind.id,
      label: kind.label,
      version: kind.version(),
      storage: kind.storage,
      outcomes: each,
    })),
  };
}

/** Returns the file's name. */
export function save(result: WorkloadResult): string {
  mkdirSync(RESULTS_DIR, { recursive: true });
  const stamp = result.date.slice(0, 19).replaceAll(':', '');
  const file = join(RESULTS_DIR, `${stamp}-${result.workload}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** The latest result of each workload, of those that were not `--quick` if there are any. */
export function latest(workloads: readonly string[]): WorkloadResult[] {
  mkdirSync(RESULTS_DIR, { recursive: true });
  // The names begin with the date, so that their order is the order in time.
  const files = readdirSync(RESULTS_DIR).filter((name) => name.endsWith('.json'));
  const results = files
    .toSorted()
    .map((name) => JSON.parse(readFileSync(join(RESULTS_DIR, name), 'utf8')) as WorkloadResult);
  return workloads.flatMap((name) => {
    const own = results.filter((result) => result.workload === name);
    const last = own.findLast((result) => !result.isQuick) ?? own.at(-1);
    return last === undefined ? [] : [last];
  });
}
