/**
 * A selection of chaos scenarios on real processes, short: the rest is `npm run chaos -- run all`. Limits on time are widened,
 * because the machine runs other tests meanwhile; what may never happen stays as it is.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../chaos/report/run-record.ts';
import { prepareMutant } from '../../mutants/prepare-mutant.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MAIN = fileURLToPath(new URL('../../../chaos/main.js', import.meta.url));
const PATIENCE = ['--patience', '6'];
const TIMEOUT_MS = 150_000;

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

async function chaos(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      said += data.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  return { code, said };
}

describe('npm run chaos', () => {
  it('lists its scenarios, and says of the others why they are not there', async () => {
    const { code, said } = await chaos(['list']);
    expect(code).toBe(0);
    expect(said).toContain('F50');
    expect(said).toMatch(/Not here:[^]*F54 .*Redis only/);
  });

  it('refuses what it does not know', async () => {
    expect((await chaos(['run', 'F99'])).code).toBe(2);
    expect((await chaos(['run', 'F50', '--seconds', 'long'])).code).toBe(2);
  });

  it(
    '[I1] killed the instant an ack is seen: nothing acked is missing',
    async () => {
      const { code, said } = await chaos(['run', 'F02', '--seconds', '12', ...PATIENCE]);
      expect(code, said).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    '[I2] a partition heals without anybody editing, and leaves a report',
    async () => {
      const dir = tempDir();
      const args = ['run', 'F50', '--seconds', '3', '--seed', '1', '--out', dir, ...PATIENCE];
      const { code, said } = await chaos(args);
      expect(code, said).toBe(0);
      const record = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as RunRecord;
      expect(record.faults.map(({ id, status }) => [id, status])).toEqual([['F50', 'injected']]);
      expect(record.faults[0]?.proof).toMatch(/\d+ bytes vanished/);
      expect(record.figures.acksChecked).toBeGreaterThan(0);
      expect(existsSync(join(dir, 'report.html'))).toBe(true);
    },
    TIMEOUT_MS,
  );

  it(
    '[I7, I9] only who may write has written; what was acked shows on any node; presence is true',
    async () => {
      const dir = tempDir();
      const args = ['run', 'access', '--seconds', '12', '--out', dir, ...PATIENCE];
      const { code, said } = await chaos(args);
      expect(code, said).toBe(0);
      const record = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as RunRecord;
      expect(record.faults.map(({ id }) => id)).toEqual(['access-end', 'access-revoked']);
      const judged = record.verdicts.filter(({ status }) => status === 'passed');
      expect(judged.map(({ id }) => id)).toEqual(expect.arrayContaining(['K8', 'K18', 'K19']));
    },
    TIMEOUT_MS,
  );

  it(
    '[I2] the last messages before silence are lost, and found',
    async () => {
      const { code, said } = await chaos(['run', 'F66', '--seconds', '2', ...PATIENCE]);
      expect(code, said).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'lost deletions are found, and a build that cannot find them fails the same scenario',
    async () => {
      const args = ['run', 'F65', '--seconds', '3'];
      const whole = await chaos([...args, ...PATIENCE]);
      expect(whole.code, whole.said).toBe(0);
      const dir = await prepareMutant('digest without delete set');
      try {
        const server = join(dir, 'dist/server/main.js');
        const broken = await chaos([...args, '--server', server]);
        expect(broken.code, broken.said).toBe(1);
        expect(broken.said).toMatch(/FAIL K5/);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
    TIMEOUT_MS,
  );

  it(
    'a control run, in which nothing is broken, passes',
    async () => {
      const { code, said } = await chaos([
        'run',
        'F50',
        '--control',
        '--seconds',
        '2',
        '--regions',
        '1',
        ...PATIENCE,
      ]);
      expect(code, said).toBe(0);
      expect(said).not.toContain('proved');
    },
    TIMEOUT_MS,
  );
});
