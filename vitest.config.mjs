// Tests run from the build (dist/), exactly what ships: worker threads and child processes included.
// The simulation has a budget for its thousands of seeds and takes both cores; those of clusters promise seconds, mostly wait,
// and do so side by side, with one that does nothing but wait. Both come after all others, one after the other, so that nobody
// takes the cores away from them.
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

const results = process.env.TEST_RESULTS;
const waiting = 'dist/test/integration/dialects/quiet.test.js';
const clusters = ['dist/test/integration/cluster/**/*.test.js', waiting];
const simulation = 'dist/test/simulation/**/*.test.js';

const LONGEST = [waiting, 'cluster/outage.test.js'];
const isLong = ({ moduleId }) => LONGEST.some((name) => moduleId.endsWith(name));

/** As always, but who waits longest begins: last, it would be waited for by all. */
class LongestFirst extends BaseSequencer {
  async sort(files) {
    // oxlint-disable-next-line unicorn/no-array-sort -- no array
    const usual = await super.sort(files);
    return usual.toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: [process.env.CI ? 'verbose' : 'default', ...(results ? ['json'] : [])],
    ...(results ? { outputFile: { json: results } } : {}),
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['dist/test/**/*.test.js'],
          exclude: ['**/node_modules/**', 'dist/test/bench/**', ...clusters, simulation],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: [simulation],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clusters',
          include: clusters,
          maxWorkers: 3,
          maxConcurrency: 8,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
