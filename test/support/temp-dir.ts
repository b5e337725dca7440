/** A folder of its own for each test, removed when the test ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'syncline-test-'));
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  });
  return dir;
}
