/**
 * `npm run chaos -- mutants`: each build that is broken on purpose must fail at least one scenario on real processes, and the
 * same scenario must pass on the build as it is. A scenario that passes on both proves nothing.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MutantName } from './mutants.ts';
import { prepareMutant, type BuildName } from './prepare-mutant.ts';

const CHAOS_MAIN = fileURLToPath(new URL('../../chaos/main.js', import.meta.url));
const TIMEOUT_MS = 240_000;
const FAILED = 1;

/** What must notice it. */
const NOTICED_BY: readonly (readonly [MutantName, string, readonly string[]])[] = [
  ['ack before sync', 'F02', ['--seconds', '20']],
  ['batch confirmed before it is written', 'F02', ['--seconds', '20']],
  ['redundant acked at once', 'F71-kill', ['--seconds', '10']],
  ['no reopen after ENOSPC', 'F20', ['--seconds', '12']],
  ['ignore sequence gaps', 'F82-deletes', ['--seconds', '10']],
  ['digest without delete set', 'F65', ['--seconds', '5']],
  ['no sync round on resubscribe', 'F50-still', ['--seconds', '4']],
  ['heartbeats say nothing', 'F66', ['--seconds', '4']],
];

interface Ending {
  readonly status: number;
  /** The invariants that did not hold. */
  readonly broken: string;
}

async function endingOf(
  build: BuildName,
  scenario: string,
  flags: readonly string[],
): Promise<Ending> {
  const dir = await prepareMutant(build);
  try {
    const server = join(dir, 'dist/server/main.js');
    const args = [CHAOS_MAIN, 'run', scenario, '--server', server, ...flags];
    const { status, stdout } = spawnSync(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    const broken = [...stdout.matchAll(/^ *FAIL (K\d+)/gm)].map(([, id]) => id);
    return { status: status ?? 2, broken: broken.join(', ') };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const only = process.argv[2];
const chosen = NOTICED_BY.filter(([name]) => only === undefined || name === only);
let hasFailed = chosen.length === 0;
for (const [name, scenario, flags] of chosen) {
  const broken = await endingOf(name, scenario, [...flags, '--seed', '1']);
  const whole = await endingOf('unchanged', scenario, [...flags, '--seed', '1', '--patience', '4']);
  const isCaught = broken.status === FAILED && whole.status === 0;
  hasFailed ||= !isCaught;
  const how = broken.broken === '' ? `ends with ${broken.status}` : broken.broken;
  process.stdout.write(
    `${isCaught ? 'caught    ' : 'NOT CAUGHT'} ${name}: ${scenario}: ${how}; without it ${scenario} ends with ${whole.status}\n`,
  );
}
process.exitCode = hasFailed ? FAILED : 0;
