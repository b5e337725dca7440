/** One process of a campaign: runs the seeds that it is sent, one after another, and says what became of each. */
import { isSeeded } from '../support/seeded-crypto.ts';
import { runSeed } from './run.ts';

export type SeedBatch = readonly number[];

export interface SeedReport {
  readonly seed: number;
  /** None: it is good. */
  readonly problems: readonly string[];
  readonly hash: string;
  readonly acks: number;
  readonly virtualMs: number;
  readonly cpuMs: number;
  readonly convergedMs: number;
  /** As in `Outcome`. */
  readonly snapshots: number;
  readonly snapshotsMs: number;
}

export type WorkerMessage =
  { readonly type: 'seed'; readonly report: SeedReport } | { readonly type: 'done' };

if (!isSeeded) throw new Error('chance would come in');

process.on('message', (batch: SeedBatch) => {
  void run(batch);
});

async function run(batch: SeedBatch): Promise<void> {
  for (const seed of batch) {
    const before = process.cpuUsage();
    const { problems, hash, acks, virtualMs, ...rest } = await runSeed(seed);
    const { convergedMs, snapshots, snapshotsMs } = rest;
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    const times = { virtualMs, cpuMs, convergedMs, snapshotsMs };
    say({ type: 'seed', report: { seed, problems, hash, acks, snapshots, ...times } });
  }
  say({ type: 'done' });
}

function say(message: WorkerMessage): void {
  process.send?.(message);
}
