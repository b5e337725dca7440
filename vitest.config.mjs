// Tests run from the build (dist/), exactly what ships: worker threads and child processes included.
import { defineConfig } from 'vitest/config';

const results = process.env.TEST_RESULTS;

export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    exclude: ['**/node_modules/**', 'dist/test/bench/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: [process.env.CI ? 'verbose' : 'default', ...(results ? ['json'] : [])],
    ...(results ? { outputFile: { json: results } } : {}),
  },
});
