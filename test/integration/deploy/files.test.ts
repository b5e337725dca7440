/**
 * The files that operators copy, without a container engine: their structure against schemas of our own that know the
 * keys used here and no others (a misspelt key is an error), and their words against the code.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { load, loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { EXAMPLE } from '../../../chaos/haproxy-config.ts';
import { configFromEnv } from '../../../server/config.ts';
import { OPTIONS } from '../../../server/options.ts';
import { COMPOSE, KUBERNETES } from '../../support/deploy-schemas.ts';

const ROOT = new URL('../../../../', import.meta.url);

function read(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8');
}

function problemsOf(schema: object, value: unknown): unknown[] {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
  const validate = ajv.compile(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: readonly string[] | Readonly<Record<string, { aliases?: string[] } | null>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly image?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: never;
}

describe('compose.yaml', () => {
  const compose = load(read('compose.yaml')) as Compose;
  const services = Object.entries(compose.services);
  const nodes = services.filter(([name]) => /^(eu|us)-\d$/.test(name));

  it('has the structure of the Compose specification', () => {
    expect(problemsOf(COMPOSE, compose)).toEqual([]);
    const misspelt = structuredClone(compose) as { services: Record<string, object> };
    misspelt.services['eu-1'] = { ...misspelt.services['eu-1'], enviroment: {} };
    expect(problemsOf(COMPOSE, misspelt)).not.toEqual([]);
  });

  it('names only services, networks and volumes that exist', () => {
    for (const [name, { networks, depends_on: needed = [], volumes = [] }] of services) {
      const used = Array.isArray(networks) ? networks : Object.keys(networks);
      for (const network of used) expect(Object.keys(compose.networks), name).toContain(network);
      const others = Array.isArray(needed) ? needed : Object.keys(needed);
      for (const other of others) expect(Object.keys(compose.services), name).toContain(other);
      for (const volume of volumes) {
        expect(Object.keys(compose.volumes), name).toContain(volume.split(':')[0]);
      }
    }
  });

  it('has two regions of two nodes, each with the names that HAProxy looks for', () => {
    expect(nodes.map(([name]) => name)).toEqual(['eu-1', 'eu-2', 'us-1', 'us-2']);
    for (const region of ['eu', 'us']) {
      const aliases = nodes
        .filter(([name]) => name.startsWith(region))
        .flatMap(([, { networks }]) =>
          Array.isArray(networks)
            ? []
            : ((networks as Record<string, { aliases?: string[] }>)[region]?.aliases ?? []),
        );
      expect(aliases).toEqual(EXAMPLE.nodes.map(({ name }) => name));
    }
  });

  it('gives nodes options that exist, with values that a node takes', () => {
    const known = new Set(OPTIONS.map(({ env }) => env));
    for (const [name, { environment = {} }] of nodes) {
      for (const key of Object.keys(environment)) expect(known, name).toContain(key);
      // As compose would, with nothing set outside.
      const env = Object.fromEntries(
        Object.entries(environment).map(([key, value]) => [
          key,
          value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
        ]),
      );
      expect(configFromEnv(env)).toMatchObject({ nodeId: name, region: name.slice(0, 2) });
      expect(env['REDIS_URL']).toBe(`redis://redis-${name.slice(0, 2)}:6379`);
      const other = name.startsWith('eu') ? 'us' : 'eu';
      expect(env['REGIONS']).toBe(`${other}=redis://redis-${other}:6379`);
    }
  });

  it('publishes on loopback only, as it has no access control by default', () => {
    for (const port of services.flatMap(([, { ports = [] }]) => ports)) {
      expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

describe('deploy/kubernetes.yaml', () => {
  const manifests = loadAll(read('deploy/kubernetes.yaml')) as Manifest[];
  const find = (kind: string, name: string): Record<string, unknown> => {
    const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found as unknown as Record<string, unknown>;
  };

  it.each(manifests.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))(
    '%s has the structure of its kind',
    (_name, manifest) => {
      const schema = KUBERNETES[manifest.kind];
      expect(schema, manifest.kind).toBeDefined();
      expect(problemsOf(schema ?? {}, manifest)).toEqual([]);
    },
  );

  it('a misspelt key would be seen', () => {
    const set = structuredClone(find('StatefulSet', 'syncline')) as {
      spec: { template: { spec: Record<string, unknown> } };
    };
    set.spec.template.spec['terminationGracePeriod'] = 30;
    expect(problemsOf(KUBERNETES['StatefulSet'] ?? {}, set)).not.toEqual([]);
  });

  it('every selector finds the pods that it means', () => {
    const labelsOf = (kind: string, name: string): Record<string, string> =>
      (find(kind, name) as { spec: { template: { metadata: { labels: Record<string, string> } } } })
        .spec.template.metadata.labels;
    const node = labelsOf('StatefulSet', 'syncline');
    const redis = labelsOf('Deployment', 'syncline-redis');
    const selectorOf = (kind: string, name: string): unknown => {
      const { spec } = find(kind, name) as { spec: { selector: { matchLabels?: unknown } } };
      return spec.selector.matchLabels ?? spec.selector;
    };
    expect(selectorOf('StatefulSet', 'syncline')).toEqual(node);
    expect(selectorOf('Service', 'syncline')).toEqual(node);
    expect(selectorOf('Service', 'syncline-nodes')).toEqual(node);
    expect(selectorOf('PodDisruptionBudget', 'syncline')).toEqual(node);
    expect(selectorOf('Deployment', 'syncline-redis')).toEqual(redis);
    expect(selectorOf('Service', 'syncline-redis')).toEqual(redis);
    expect(find('StatefulSet', 'syncline')).toMatchObject({
      spec: { serviceName: 'syncline-nodes' },
    });
  });

  it('gives nodes options that exist, with values that a node takes', () => {
    const { data = {} } = find('ConfigMap', 'syncline') as { data?: Record<string, string> };
    const known = new Set(OPTIONS.map(({ env }) => env));
    for (const key of Object.keys(data)) expect(known).toContain(key);
    expect(configFromEnv({ ...data, JWT_SECRET: 'x'.repeat(64) })).toMatchObject({
      operationsPort: 9090,
      region: 'eu',
    });
  });

  it('leaves time for preStop and the drain before SIGKILL', () => {
    const { spec } = find('StatefulSet', 'syncline') as {
      spec: {
        template: {
          spec: {
            terminationGracePeriodSeconds: number;
            containers: { lifecycle: { preStop: { exec: { command: string[] } } } }[];
          };
        };
      };
    };
    const [container] = spec.template.spec.containers;
    const [sleep, seconds] = container?.lifecycle.preStop.exec.command ?? [];
    expect(sleep).toBe('sleep');
    const drainS = configFromEnv({}).drainTimeoutMs ?? 10_000;
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(
      Number(seconds) + drainS / 1000,
    );
  });
});

describe('Dockerfile', () => {
  const text = read('Dockerfile');

  it('copies only what the context has, and starts what the build makes', () => {
    const ignored = read('.dockerignore');
    for (const wanted of [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'vite.config.mjs',
      '.ci/docs-page.mjs',
      'server',
      'persistence',
      'client',
      'LICENSE',
    ]) {
      expect(ignored.split('\n')).toContain(`!${wanted}`);
    }
    expect(text).toContain('CMD ["node", "dist/server/main.js"]');
  });

  it('is not root, keeps its memory small, and is told to end by SIGTERM', () => {
    expect(text).toMatch(/^USER 1000:1000$/m);
    expect(text).toContain('MALLOC_MMAP_THRESHOLD_=131072');
    expect(text).toContain('STOPSIGNAL SIGTERM');
    expect(text).toMatch(/^HEALTHCHECK .*CMD \["node", "-e", ".*\/healthz/m);
  });
});
