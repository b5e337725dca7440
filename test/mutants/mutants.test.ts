/** The simulation notices each of the mutants, and a copy of the build that is not broken passes it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCampaign, seedsFrom, type CampaignResult } from '../simulation/campaign.ts';
import { MUTANTS } from './mutants.ts';
import { prepareMutant, type BuildName } from './prepare-mutant.ts';

const TIMEOUT_MS = 180_000;
const PROCESSES = 2;

async function simulate(name: BuildName, seeds: readonly number[]): Promise<CampaignResult> {
  const dir = await prepareMutant(name);
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  });
  const worker = join(dir, 'dist/test/simulation/worker-main.js');
  return await runCampaign({ seeds, processes: PROCESSES, failuresMax: 1, worker });
}

describe('mutants', () => {
  it.each(MUTANTS)(
    'the simulation notices "$name" ($breaks)',
    async ({ name, noticedBy, seedsMax }) => {
      const seeds = [...noticedBy, ...seedsFrom(1, seedsMax)];
      const { failed } = await simulate(name, seeds);
      expect(failed.flatMap(({ problems }) => problems)).not.toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'a copy that is not broken passes the seeds by which they are noticed',
    async () => {
      const seeds = MUTANTS.flatMap(({ noticedBy }) => noticedBy);
      const { failed } = await simulate('unchanged', [...new Set([...seeds, ...seedsFrom(1, 20)])]);
      expect(failed).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
