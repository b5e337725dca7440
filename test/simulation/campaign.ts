/**
 * Many seeds over several processes. A process that dies or stands still fails the seed that it was at, and another one
 * goes on with the next.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedBatch, SeedReport, WorkerMessage } from './worker-main.ts';

export interface CampaignOptions {
  readonly seeds: readonly number[];
  readonly processes: number;
  /** Ends early when so many seeds have failed. */
  readonly failuresMax: number;
  readonly onReport?: (report: SeedReport) => void;
  /** The program to run instead of this build's: a mutant's. */
  readonly worker?: string;
}

export interface CampaignResult {
  readonly seeds: number;
  readonly failed: readonly SeedReport[];
  readonly acks: number;
  readonly virtualMs: number;
  /** Of processes, all together. */
  readonly cpuMs: number;
  readonly convergedMsMax: number;
  /** Acked; and the longest until they were everywhere. */
  readonly snapshots: number;
  readonly snapshotsMsMax: number;
}

const WORKER = fileURLToPath(new URL('./worker-main.js', import.meta.url));
const BATCH = 25;
/** No seed takes a hundredth of that. */
const STANDSTILL_MS = 60_000;
/** Worlds are made and thrown away: a large nursery saves a third of the time. */
const NODE_OPTIONS = ['--max-semi-space-size=32', '--max-old-space-size=512'];

/** So many seeds in a row. */
export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seeds, processes, failuresMax } = options;
  const total = {
    seeds: 0,
    acks: 0,
    virtualMs: 0,
    cpuMs: 0,
    convergedMsMax: 0,
    snapshots: 0,
    snapshotsMsMax: 0,
  };
  const failed: SeedReport[] = [];
  let next = 0;
  const take = (): SeedBatch | null => {
    if (next >= seeds.length || failed.length >= failuresMax) return null;
    const batch = seeds.slice(next, next + BATCH);
    next += batch.length;
    return batch;
  };
  const report = (one: SeedReport): void => {
    total.seeds += 1;
    total.acks += one.acks;
    total.virtualMs += one.virtualMs;
    total.cpuMs += one.cpuMs;
    total.convergedMsMax = Math.max(total.convergedMsMax, one.convergedMs);
    total.snapshots += one.snapshots;
    total.snapshotsMsMax = Math.max(total.snapshotsMsMax, one.snapshotsMs);
    if (one.problems.length > 0) failed.push(one);
    options.onReport?.(one);
  };
  const worker = options.worker ?? WORKER;
  await Promise.all(
    Array.from({ length: processes }, async () => {
      let batch = take();
      while (batch !== null) {
        const rest: SeedBatch = await runProcess(worker, batch, take, report);
        batch = rest.length > 0 ? rest : take();
      }
    }),
  );
  return { ...total, failed };
}

/** Returns what a process that died had not begun; nothing when there was nothing left to take. */
async function runProcess(
  worker: string,
  first: SeedBatch,
  take: () => SeedBatch | null,
  report: (report: SeedReport) => void,
): Promise<SeedBatch> {
  const child = fork(worker, [], {
    execArgv: NODE_OPTIONS,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let left = [...first];
  let isDone = false;
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000);
  });
  return await new Promise((resolve) => {
    const watch = standstill(child);
    child.on('message', (message: WorkerMessage) => {
      watch.refresh();
      if (message.type === 'seed') {
        report(message.report);
        left.shift();
        return;
      }
      const batch = take();
      isDone = batch === null;
      if (batch === null) child.disconnect();
      else {
        left = [...batch];
        child.send(batch);
      }
    });
    child.once('exit', (code) => {
      clearTimeout(watch);
      const seed = left.shift();
      if (isDone || seed === undefined) {
        resolve([]);
        return;
      }
      const problems = [`its process ended with ${code ?? 'a signal'}: ${errors.trim()}`];
      const times = { virtualMs: 0, cpuMs: 0, convergedMs: 0, snapshotsMs: -1 };
      report({ seed, problems, hash: '', acks: 0, snapshots: 0, ...times });
      resolve(left);
    });
    child.send(first);
  });
}

function standstill(child: ChildProcess): NodeJS.Timeout {
  return setTimeout(() => child.kill('SIGKILL'), STANDSTILL_MS);
}
