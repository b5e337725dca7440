/**
 * The simulation in the gate: thousands of schedules, each with edits, faults and a heal, checked by the checker of the
 * chaos suite. Seeds run in processes of their own, where nothing else runs and no chance comes in.
 */
import { describe, expect, it } from 'vitest';
import { runCampaign, seedsFrom, type CampaignResult } from './campaign.ts';
import { KNOWN_SEEDS } from './known-seeds.ts';
import type { SeedReport } from './worker-main.ts';

const PROCESSES = 2;
/** More where there is time: SIMULATION_SEEDS. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 10_000);
/** The budget on two cores is 5 minutes; a busy machine gets twice that. */
const TIMEOUT_MS = 600_000 * Math.max(1, SEEDS / 10_000);

async function run(seeds: readonly number[], processes: number = PROCESSES): Promise<Reported> {
  const reports: SeedReport[] = [];
  const result = await runCampaign({
    seeds,
    processes,
    failuresMax: 5,
    onReport: (report) => reports.push(report),
  });
  return { ...result, reports: reports.toSorted((a, b) => a.seed - b.seed) };
}

type Reported = CampaignResult & { readonly reports: readonly SeedReport[] };

function said({ failed }: CampaignResult): string[] {
  return failed.map(
    ({ seed, problems }) => `npm run simulate -- --seed ${seed} --trace: ${problems.join('; ')}`,
  );
}

describe('simulation', () => {
  it('the same seed gives the same history, in whatever order and company it is run', async () => {
    const seeds = seedsFrom(1, 40);
    const once = await run(seeds, 1);
    const again = await run(seeds.toReversed(), 2);
    expect(once.reports.map(({ hash }) => hash)).toEqual(again.reports.map(({ hash }) => hash));
    expect(new Set(once.reports.map(({ hash }) => hash)).size).toBe(seeds.length);
  });

  it.each(KNOWN_SEEDS)('seed $seed: $claim', async ({ seed }) => {
    expect(said(await run([seed], 1))).toEqual([]);
  });

  it(
    `[I1] [I2] [I3] [I5] ${SEEDS} schedules of faults lose no ack, heal by themselves and show nothing that nobody wrote`,
    async () => {
      const seeds = seedsFrom(100_000, SEEDS);
      const result = await run(seeds);
      expect(said(result)).toEqual([]);
      expect(result.seeds).toBe(seeds.length);
      // Edits were made, acked, and checked: a silent world would pass everything.
      expect(result.acks / result.seeds).toBeGreaterThan(5);
      expect(result.snapshots / result.seeds).toBeGreaterThan(0.2);
      process.stdout.write(
        `${result.seeds} seeds: ${(result.cpuMs / result.seeds).toFixed(1)} ms of CPU each, ${result.acks} acks, ` +
          `${Math.round(result.virtualMs / 1_000)} virtual s, equal within ${Math.round(result.convergedMsMax)} ms; ` +
          `${result.snapshots} snapshots, on all nodes within ${Math.round(result.snapshotsMsMax)} ms\n`,
      );
    },
    TIMEOUT_MS,
  );
});
