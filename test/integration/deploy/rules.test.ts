/**
 * Rules and dashboard against a real node: each expression is PromQL, each metric and label that it asks for is there.
 * A rule about a metric that nobody exposes is silent for ever, which looks like peace.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNode } from '../../../server/node.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { askedBy, type Asked } from '../../support/promql.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../../../', import.meta.url);

/** What Prometheus knows by itself, and gives to every sample. */
const OF_PROMETHEUS = new Set(['up']);
const LABELS_OF_PROMETHEUS = new Set(['instance', 'job', 'le']);
interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: { readonly summary: string; readonly runbook?: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

function read(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8');
}

const { groups } = load(read('deploy/prometheus-rules.yaml')) as {
  groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(read('deploy/grafana-dashboard.json')) as {
  panels: readonly Panel[];
};
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));

/** Grafana fills these in. */
function filled(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

const expressions: readonly (readonly [string, string])[] = [
  ...rules.map(
    ({ record, alert, expr, labels }) => [alert ?? `${record} ${labels['slo']}`, expr] as const,
  ),
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => [`panel ${title} ${refId}`, filled(expr)] as const),
  ),
];

/** Names that the node exposes, histograms' series included, and the labels of those with samples. */
const exposed = new Map<string, Set<string>>();

beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'syncline-test-'));
  const redis = await RedisProcess.start();
  const node = createNode({
    port: 0,
    dataDir,
    logLevel: 'silent',
    webhookUrl: 'http://127.0.0.1:9/',
    webhookSecret: 'x'.repeat(32),
    // Metrics of the bus are those of nodes that have others.
    redisUrl: redis.url,
  });
  const url = await node.listen();
  const client = new SyncClient(url.replace('http', 'ws'), 'notes');
  await waitUntil('synced', () => client.isSynced);
  client.doc.getText('text').insert(0, 'x');
  await client.whenAcked(client.requestAck());
  await waitUntil('stored', async () => (await fetch(`${url}/v1/documents/notes`)).ok);
  await fetch(`${url}/v1/documents/none`);
  const bad = new SyncClient(url.replace('http', 'ws'), ' bad');
  await waitUntil('refused', () => bad.isClosed);
  client.socket.terminate();
  await waitUntil('counted', async () => (await node.metrics()).includes('ws_close_total{'));
  for (const line of (await node.metrics()).split('\n')) {
    const declared = /^# TYPE (\S+) (\w+)/.exec(line);
    if (declared !== null) {
      const [, name = '', type] = declared;
      const series = type === 'histogram' ? ['_bucket', '_count', '_sum'] : [''];
      for (const suffix of series) exposed.set(`${name}${suffix}`, new Set());
    }
    const sample = /^(\w+)\{(.*)\} /.exec(line);
    for (const [, label = ''] of (sample?.[2] ?? '').matchAll(/(\w+)="/g)) {
      exposed.get(sample?.[1] ?? '')?.add(label);
    }
  }
  await node.close();
  await redis.end();
  rmSync(dataDir, { recursive: true, force: true });
});

function problemsOf({ metric, labels }: Asked): string[] {
  if (OF_PROMETHEUS.has(metric)) return [];
  if (recorded.has(metric)) {
    return labels.filter((label) => label !== 'slo').map((label) => `${metric} has no ${label}`);
  }
  const known = exposed.get(metric);
  if (known === undefined) return [`no node exposes ${metric}`];
  // Without a sample its labels cannot be seen.
  if (known.size === 0) return [];
  return labels
    .filter((label) => !known.has(label) && !LABELS_OF_PROMETHEUS.has(label))
    .map((label) => `${metric} has no label ${label}`);
}

function slos(record: string): string[] {
  return rules
    .filter((rule) => rule.record === record)
    .map(({ labels }) => labels['slo'] ?? '')
    .toSorted();
}

describe('rules and dashboard', () => {
  it.each(expressions)('%s asks for what nodes expose', (_name, expression) => {
    const asked = askedBy(expression);
    expect(asked.flatMap(problemsOf)).toEqual([]);
    if (!expression.startsWith('vector(')) expect(asked.length).toBeGreaterThan(0);
  });

  it('would see a misspelt metric, a label that is not there, and what is no PromQL', () => {
    expect(askedBy('rate(conections[5m])').flatMap(problemsOf)).toHaveLength(1);
    expect(askedBy('sum(http_requests_total{code="200"})').flatMap(problemsOf)).toHaveLength(1);
    for (const wrong of ['sum(', 'rate(a[5m)', 'a{b=c}', 'a >', 'sum by le (a)', 'rates(a[5m])']) {
      expect(() => askedBy(wrong), wrong).toThrow(SyntaxError);
    }
  });

  it('every objective has a budget, an error ratio over every window, and a row in docs/SLO.md', () => {
    const all = slos('syncline:slo_budget');
    expect(all.length).toBeGreaterThan(5);
    for (const window of ['5m', '30m', '1h', '6h', '3d']) {
      expect(slos(`syncline:slo_errors:ratio_rate${window}`), window).toEqual(all);
    }
    for (const { record, expr } of rules) {
      const window = /ratio_rate(\w+)$/.exec(record ?? '')?.[1];
      if (window === undefined) continue;
      const ranges = [...expr.matchAll(/\[(\w+)/g)].map((match) => match[1]);
      expect(new Set(ranges), expr).toEqual(new Set([window]));
    }
    for (const slo of all) expect(read('docs/SLO.md')).toContain(`\`${slo}\``);
  });

  it('every alert says how bad it is and what has happened, and has a name of its own', () => {
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    for (const { alert, labels, annotations } of alerts) {
      expect(['page', 'ticket'], alert).toContain(labels['severity']);
      expect(annotations?.summary, alert).toMatch(/\w/);
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it('panels have ids of their own and do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});
