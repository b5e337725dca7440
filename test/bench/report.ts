/**
 * Tables: one a workload, a row a server and number, with the median of the rounds, the range, the ratio to
 * the best peer, and what was aimed for. They say "missed" as plainly as "met", and where a run had faults
 * its numbers do not count.
 */
import Table from 'cli-table3';
import { median } from './statistics.ts';
import type { ServerResult, WorkloadResult } from './results.ts';
import { REFERENCES } from './servers.ts';
import type { Aim, Metric } from './workload.ts';

interface Row {
  readonly number: string;
  readonly server: string;
  readonly median: string;
  readonly range: string;
  readonly ratio: string;
  readonly aim: string;
}

const HEAD = ['number', 'server', 'median', 'min–max', '× best peer', 'aim'];

/** The values of the rounds in which nothing went wrong. */
function sound(server: ServerResult, key: string): number[] {
  return server.outcomes
    .filter((outcome) => outcome.faults.length === 0)
    .map((outcome) => outcome.values[key])
    .filter((value) => value !== undefined)
    .filter(Number.isFinite);
}

function bestPeer(result: WorkloadResult, key: string): number {
  const peers = result.servers.filter(({ id }) => id !== 'syncline' && !REFERENCES.has(id));
  return Math.min(...peers.map((peer) => median(sound(peer, key))).filter(Number.isFinite));
}

function aimText(aim: Exclude<Aim, null>, value: number, best: number, unit: string): string {
  if ('below' in aim) {
    return `< ${aim.below} ${unit}: ${Number.isNaN(value) ? 'no value' : value < aim.below ? 'met' : 'missed'}`;
  }
  const ratio = value / best;
  // Infinity: no peer ran. Below zero: memory that shrank, which is noise.
  const isComparable = Number.isFinite(best) && best > 0 && !Number.isNaN(ratio);
  const verdict = isComparable ? null : 'not compared';
  return `≤ ${aim.ratioMax} ×: ${verdict ?? (ratio <= aim.ratioMax ? 'met' : 'missed')}`;
}

function metricRows(result: WorkloadResult, metric: Metric): Row[] {
  const best = bestPeer(result, metric.key);
  return result.servers.flatMap((server) => {
    const values = sound(server, metric.key);
    const isFaulty = server.outcomes.some((outcome) => outcome.faults.length > 0);
    if (values.length === 0 && !isFaulty) return [];
    const value = median(values);
    const show = (number: number): string =>
      Number.isFinite(number) ? number.toFixed(metric.digits) : '–';
    return [
      {
        number: `${metric.label}, ${metric.unit}`,
        server: server.label,
        median: values.length === 0 ? 'failed' : show(value),
        range: values.length < 2 ? '' : `${show(Math.min(...values))}–${show(Math.max(...values))}`,
        ratio:
          Number.isFinite(value / best) && Number.isFinite(best) && best > 0
            ? (value / best).toFixed(2)
            : '',
        aim:
          server.id === 'syncline'
            ? metric.aims.map((aim) => aimText(aim, value, best, metric.unit)).join('; ')
            : '',
      },
    ];
  });
}

function rows(result: WorkloadResult): Row[] {
  return result.metrics.flatMap((metric) => metricRows(result, metric));
}

/** Faults and remarks, each with its server and round. */
function footnotes(result: WorkloadResult): string[] {
  return result.servers.flatMap((server) =>
    server.outcomes.flatMap((outcome, round) =>
      [...outcome.faults.map((fault) => `FAILED: ${fault}`), ...outcome.remarks].map(
        (note) => `${server.label}, round ${round + 1}: ${note}`,
      ),
    ),
  );
}

function machineOf({ machine, date, rounds, isQuick }: WorkloadResult): string {
  return (
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, Node ${machine.node}, ` +
    `Linux ${machine.kernel}; ${date.slice(0, 10)}, ${rounds} round${rounds === 1 ? '' : 's'}` +
    (isQuick ? '; --quick: NOT a measurement' : '')
  );
}

export function terminalTable(result: WorkloadResult): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  let last = '';
  for (const row of rows(result)) {
    const number = row.number === last ? '' : row.number;
    last = row.number;
    table.push([number, row.server, row.median, row.range, row.ratio, row.aim]);
  }
  const notes = footnotes(result).map((note) => `  ${note}`);
  return [result.workload, table.toString(), ...notes, `  ${machineOf(result)}`, ''].join('\n');
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function markdownTable(result: WorkloadResult): string {
  const body = rows(result).map((row) => {
    const isOurs = row.server === 'Syncline';
    const server = isOurs ? `**${row.server}**` : row.server;
    return markdownRow([row.number, server, row.median, row.range, row.ratio, row.aim]);
  });
  return [
    `## ${result.workload}`,
    '',
    result.summary,
    '',
    markdownRow(HEAD),
    markdownRow(HEAD.map((_, index) => (index >= 2 && index <= 4 ? '---:' : '---'))),
    ...body,
    '',
    machineOf(result),
    '',
    ...footnotes(result).map((note) => `- ${note}`),
    '',
  ].join('\n');
}

/** The whole of RESULTS.md. */
export function resultsPage(results: readonly WorkloadResult[]): string {
  const servers = new Map(results.flatMap((result) => result.servers).map((s) => [s.id, s]));
  const list = [...servers.values()].map((s) => `- ${s.label} ${s.version} (${s.storage})`);
  return [
    '# Benchmark results',
    '',
    'Written by `npm run bench -- --record` from the latest run of each workload; do not edit. All servers run with',
    'their defaults (Syncline as `npm start` runs it, with MALLOC_MMAP_THRESHOLD_=131072; the peers’ packages set',
    'nothing of the kind), one at a time, in the same run and on the same machine as their load, so that ratios mean more',
    'than absolute numbers. Lower is better everywhere. Rounds interleave the servers; a round in which an edit was',
    'missing or a text was wrong counts as failed.',
    '',
    ...list,
    '',
    ...results.map(markdownTable),
  ].join('\n');
}
