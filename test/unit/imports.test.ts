/** The inner walls: who may import whom. Project references hold the outer ones. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A folder (or file) and what it may import besides itself and packages. Longest match wins. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'server/protocol': [],
  'server/rooms': ['server/protocol', 'persistence/store.ts'],
  'server/access': ['server/protocol', 'persistence/store.ts'],
  'server/fanout': [
    'server/protocol',
    'server/rooms',
    'server/access/access.ts',
    'persistence/store.ts',
  ],
  'server/connections': ['server/protocol', 'server/rooms', 'server/access'],
  'server/gateway': ['server/protocol', 'server/rooms', 'server/access', 'server/connections'],
  'server/http': [
    'server/protocol',
    'server/access',
    'server/connections',
    'server/rooms',
    'server/observe',
    'server/webhooks',
    'persistence/store.ts',
  ],
  'server/webhooks': ['server/protocol', 'persistence/store.ts'],
  'server/observe': [
    'server/shutdown.ts',
    'server/options.ts',
    'server/fanout',
    'server/connections',
    'server/rooms',
    'persistence/store.ts',
  ],
  'server/cli': ['server/protocol', 'server/rooms', 'server/access', 'persistence'],
  'server/config.ts': [
    'server/options.ts',
    'server/options',
    'server/access/key-config.ts',
    'server/fanout/places.ts',
    'server/webhooks/settings.ts',
  ],
  'server/options.ts': ['server/options'],
  'server/options': [],
  'server/reports.ts': ['server', 'persistence/store.ts'],
  'server/create-access.ts': [
    'server/access',
    'server/fanout/places.ts',
    'server/observe',
    'server/options.ts',
    'server/rooms/timers.ts',
    'persistence/store.ts',
  ],
  'server/shutdown.ts': [],
  'server/cluster.ts': [
    'server/fanout',
    'server/observe',
    'server/options.ts',
    'server/protocol',
    'server/rooms',
    'persistence/store.ts',
  ],
  'server/node.ts': ['server', 'persistence'],
  'server/index.ts': ['server/access', 'server/config.ts', 'server/options.ts', 'server/node.ts'],
  'server/main.ts': ['server/config.ts', 'server/node.ts', 'persistence/store.ts'],
  persistence: [],
  client: ['server/protocol'],
  'client/editor': ['client', 'server/protocol'],
  // It runs apart from the page.
  'client/editor/service-worker': [],
  // Spawns servers, never imports them. Its editors use the client library as applications do.
  chaos: ['client'],
};

/** Packages that only one place may know. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  ws: ['server/gateway', 'chaos/editors'],
  express: ['server/http'],
  ioredis: ['server/access', 'server/fanout'],
  jsonwebtoken: ['server/access'],
  'jwks-rsa': ['server/access'],
  'rate-limiter-flexible': ['server/access'],
  'classic-level': ['persistence'],
  'y-leveldb': ['persistence'],
  pino: ['server/observe'],
  '@opentelemetry': ['server/observe'],
  'prom-client': ['server/observe'],
  piscina: ['server/rooms'],
  'sql.js': ['server/cli'],
  diff: ['server/rooms', 'client/editor'],
};

function sources(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(path) && !path.endsWith('.d.ts') ? [path] : [];
  });
}

function ruleOf(file: string): string {
  const rule = Object.keys(MAY_IMPORT)
    .filter((key) => file === key || file.startsWith(`${key}/`))
    .toSorted((a, b) => b.length - a.length)[0];
  if (rule === undefined) throw new Error(`${file} has no rule: say what it may import`);
  return rule;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s+'([^']+)'|import\('([^']+)'\)/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
}

const isWithin = (path: string, place: string): boolean =>
  path === place || path.startsWith(`${place}/`);

describe('imports', () => {
  const files = ['server', 'persistence', 'client', 'chaos'].flatMap(sources);

  it('sees the code base', () => {
    expect(files.length).toBeGreaterThan(60);
  });

  it.each(files)('%s imports only what it may', (file) => {
    const rule = ruleOf(file);
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) {
        const target = relative(ROOT, join(ROOT, dirname(file), specifier));
        const allowed = [rule, ...(MAY_IMPORT[rule] ?? [])];
        expect(
          allowed.some((place) => isWithin(target, place)) || !target.endsWith('.ts'),
          `${file} → ${target}`,
        ).toBe(true);
      } else {
        const homes = PACKAGE_HOMES[specifier.replace(/^node:/, '').split('/')[0] ?? ''];
        if (homes !== undefined) {
          expect(
            homes.some((home) => isWithin(file, home)),
            `${file} → ${specifier}`,
          ).toBe(true);
        }
      }
    }
  });
});
