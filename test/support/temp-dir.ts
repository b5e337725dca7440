/** A folder of its own for each test, removed when the test ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';

/** `onFinished`: of a test that runs beside others, its context's. */
export function tempDir(onFinished?: TestContext['onTestFinished']): string {
  const dir = mkdtempSync(join(tmpdir(), 'syncline-test-'));
  (onFinished ?? onTestFinished)(() => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  });
  return dir;
}
