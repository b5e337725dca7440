// Tests run from the build (dist/), exactly what ships: worker threads and child processes included.
// Those of clusters promise seconds. They come after all others, so that nobody's loops take the cores away from the
// servers they start; they mostly wait, and do so side by side.
import { defineConfig } from 'vitest/config';

const results = process.env.TEST_RESULTS;
const clusters = 'dist/test/integration/cluster/**/*.test.js';

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
          exclude: ['**/node_modules/**', 'dist/test/bench/**', clusters],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clusters',
          include: [clusters],
          maxConcurrency: 8,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
