/**
 * A million cases, the same ones every time unless FUZZ_SEED says otherwise; FUZZ_CASES for more or fewer.
 * A failure prints its batch, and FUZZ_BATCH=<batch> runs that one alone.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { CASES_A_BATCH, type BatchResult } from './campaign.ts';

const CASES = Number(process.env['FUZZ_CASES'] ?? 1_000_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const ONLY = process.env['FUZZ_BATCH'];
/** 120 s on two cores when this was written; CI machines are slower, and busy. */
const TIMEOUT_MS = 900_000;
const FAILURES_SHOWN = 5;

function batches(): readonly number[] {
  if (ONLY !== undefined) return [Number(ONLY)];
  const count = Math.ceil(CASES / CASES_A_BATCH);
  return Array.from({ length: count }, (_, batch) => SEED * 1_000_000 + batch);
}

async function run(mine: readonly number[]): Promise<readonly BatchResult[]> {
  const results: BatchResult[] = [];
  const thread = new Worker(new URL('./campaign-thread.js', import.meta.url), { workerData: mine });
  thread.on('message', (result: BatchResult) => results.push(result));
  return await new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('exit', () => {
      resolve(results);
    });
  });
}

function sum(
  tallies: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const tally of tallies) {
    for (const [name, count] of Object.entries(tally)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

test(
  '[I3] check() against a real Y.Doc as oracle: one million seeded mutants and random inputs: what passes integrates cleanly, no honest update is refused',
  { timeout: TIMEOUT_MS },
  async () => {
    const all = batches();
    const threads = Math.min(all.length, availableParallelism());
    const shards = Array.from({ length: threads }, (_, shard) =>
      all.filter((_batch, index) => index % threads === shard),
    );
    const results = (await Promise.all(shards.map(run))).flat();

    const cases = results.reduce((total, result) => total + result.cases, 0);
    const honest = sum(results.map((result) => result.honest));
    const mutants = sum(results.map((result) => result.mutants));
    process.stderr.write(
      `seed ${SEED}: ${cases} cases; honest ${JSON.stringify(honest)}; mutants ${JSON.stringify(mutants)}\n`,
    );

    const failures = results.flatMap((result) => result.failures);
    const shown = failures
      .toSorted((a, b) => a.update.length + a.base.length - b.update.length - b.base.length)
      .slice(0, FAILURES_SHOWN)
      .map(
        ({ batch, complaint, update, base }) =>
          `FUZZ_BATCH=${batch}: ${complaint}\n  update ${update}\n  base ${base}`,
      );
    expect(shown, `${failures.length} failures`).toEqual([]);

    // The campaign must not go blind: every verdict is exercised, and the honest are there.
    expect(results).toHaveLength(all.length);
    if (ONLY !== undefined) return;
    expect(cases).toBeGreaterThanOrEqual(CASES);
    expect(honest['new']).toBeGreaterThan(cases / 100);
    expect(mutants['new']).toBeGreaterThan(cases / 20);
    expect(mutants['gap']).toBeGreaterThan(cases / 20);
    expect(mutants['redundant']).toBeGreaterThan(cases / 100);
    expect(mutants['refused: malformed']).toBeGreaterThan(cases / 10);
  },
);
