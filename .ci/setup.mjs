// Set-up that `npm start` and `npm test` run by themselves, so that a newcomer needs no third command:
// installs npm packages when the lock file changed, brings the system packages that tests need, builds
// what changed. Everything it says goes to stderr: stdout belongs to the program that starts after it.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const goal = process.argv[2] ?? 'start';
const SYSTEM_PACKAGES = [
  { name: 'redis-server', has: () => onPath('redis-server') },
  // Debian keeps it in sbin, which is not on everybody's PATH.
  { name: 'haproxy', has: () => onPath('haproxy') || existsSync('/usr/sbin/haproxy') },
  { name: 'chromium', has: () => onPath('chromium') },
  { name: 'curl', has: () => onPath('curl') },
];

function say(line) {
  process.stderr.write(`[setup] ${line}\n`);
}

function fail(lines) {
  for (const line of [].concat(lines)) say(line);
  process.exit(1);
}

function onPath(command) {
  return (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, command)));
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    ...options,
  });
  return result.status === 0;
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: Syncline needs Node 20.19 or newer.`);
  }
}

function installNpmPackages() {
  const stamp = join(root, 'node_modules', '.syncline-setup');
  const wanted = hashOf(['package.json', 'package-lock.json']);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages (npm ci) …');
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
    fail('npm ci failed; see the lines above. Is the npm registry reachable?');
  }
  writeFileSync(stamp, wanted);
}

function installSystemPackages() {
  const missing = SYSTEM_PACKAGES.filter((entry) => !entry.has()).map((entry) => entry.name);
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  const hint = `Tests need ${missing.join(' and ')}. Install: apt-get install -y --no-install-recommends ${missing.join(' ')} (or your system's packages of these names), then run npm test again.`;
  if (!isRoot || !onPath('apt-get')) fail(hint);
  say(`installing ${missing.join(', ')} from the distribution's packages …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const installed =
    run('apt-get', ['-qq', 'update'], { env }) &&
    run('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...missing], { env });
  if (!installed || SYSTEM_PACKAGES.some((entry) => !entry.has())) fail(hint);
}

function newestMtimeMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce(
    (newest, entry) =>
      entry === 'node_modules' ? newest : Math.max(newest, newestMtimeMs(join(path, entry))),
    0,
  );
}

/** The compiler leaves the output of files that are gone, and vitest would run old tests: start anew then. */
function dropStaleBuild() {
  const dist = join(root, 'dist');
  const stamp = join(dist, '.sources');
  const files = ['server', 'persistence', 'client', 'chaos', 'test']
    .flatMap(sourcesBelow)
    .join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === files) return;
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  writeFileSync(stamp, files);
}

function sourcesBelow(path) {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) return sourcesBelow(child);
    return child.endsWith('.ts') ? [child] : [];
  });
}

function build() {
  dropStaleBuild();
  const bin = (name) => join(root, 'node_modules', '.bin', name);
  if (!run(bin('tsc'), ['-b'])) fail('the build failed; see the compiler errors above.');
  buildDocsPage();
  const page = join(root, 'dist', 'client', 'editor', 'page', 'index.html');
  const sources = ['client', 'server/protocol', 'vite.config.mjs', 'package-lock.json'];
  const newest = Math.max(...sources.map((path) => newestMtimeMs(join(root, path))));
  if (existsSync(page) && statSync(page).mtimeMs >= newest) return;
  say('building the editor …');
  if (!run(bin('vite'), ['build', '--logLevel', 'warn'])) fail('the editor build failed.');
}

function buildDocsPage() {
  const page = join(root, 'dist', 'server', 'http', 'docs-page', 'index.html');
  const sources = ['server/http/docs-page', '.ci/docs-page.mjs', 'package-lock.json'];
  const newest = Math.max(...sources.map((path) => newestMtimeMs(join(root, path))));
  if (existsSync(page) && statSync(page).mtimeMs >= newest) return;
  if (!run(process.execPath, [join(root, '.ci', 'docs-page.mjs')])) fail('no page at /docs.');
}

checkNode();
installNpmPackages();
if (goal === 'test') installSystemPackages();
build();
