// Tests run from the build (dist/), exactly what ships: worker threads and child processes included.
// The simulation has a budget for its thousands of seeds and takes both cores; beside it one runs that does nothing but wait.
// Those of single parts share their modules: loading them again for each file took a quarter of their time.
// Those of clusters promise seconds, mostly wait, and do so side by side. Both come after all others, one after the other, so that
// nobody takes the cores away from them.
import { defineConfig } from 'vitest/config';

const results = process.env.TEST_RESULTS;
const units = 'dist/test/{unit,contract,golden}/**/*.test.js';
const clusters = 'dist/test/integration/cluster/**/*.test.js';
const simulation = [
  'dist/test/simulation/**/*.test.js',
  'dist/test/integration/dialects/quiet.test.js',
];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
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
          exclude: ['**/node_modules/**', 'dist/test/bench/**', units, clusters, ...simulation],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: [units],
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: simulation,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clusters',
          include: [clusters],
          maxConcurrency: 8,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
