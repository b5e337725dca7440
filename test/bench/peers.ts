/** Brings the peers' packages, once: `npm ci` from the lock file beside them, without install scripts. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root: dist/test/bench/peers.js is three folders below it. */
export const PROJECT_ROOT: string = fileURLToPath(new URL('../../..', import.meta.url));
export const PEERS_DIR: string = join(PROJECT_ROOT, 'test/bench/peers');

export function installPeers(): void {
  const lock = readFileSync(join(PEERS_DIR, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const stamp = join(PEERS_DIR, 'node_modules', '.bench-setup');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('installing the peers (npm ci in test/bench/peers) …\n');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS_DIR,
    stdio: ['ignore', 2, 2],
  });
  writeFileSync(stamp, wanted);
}

export function peerVersion(name: string): string {
  const file = join(PEERS_DIR, 'node_modules', name, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
