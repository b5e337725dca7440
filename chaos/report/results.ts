/** What runs showed, as a table for people who will not open a report: chaos/RESULTS.md. */
import type { Verdict } from '../checker/verdict.ts';
import { duration, lostAcks, share, tally, thousands } from './phrases.ts';
import type { RunRecord } from './run-record.ts';

/** A run without a record: it could not be made here, or broke down. */
export interface NotRun {
  readonly scenario: string;
  readonly status: string;
  readonly reason: string | null;
}

export function resultsMarkdown(
  title: string,
  records: readonly RunRecord[],
  notRun: readonly NotRun[] = [],
): string {
  const [first] = records;
  if (first === undefined) return `# ${title}\n\nNothing was run.\n`;
  const { cpus, cpuModel, memoryBytes, os, node } = first.machine;
  const lines = [
    `# ${title}`,
    '',
    `${first.startedAt.slice(0, 10)} · ${cpus} × ${cpuModel}, ${Math.round(memoryBytes / 2 ** 30)} GB · ${os} · Node ${node.replace(/^v/, '')}`,
    '',
    ...totals(records),
    '',
    '| scenario | faults | verdicts | acked | lost | crashes | edit → ack p50 / p99 | ack → seen p99 | equal after heal | seed |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...records.map(row),
    ...section('What failed', records.flatMap(failures)),
    ...section(
      'What was not run',
      notRun.map(
        ({ scenario, status, reason }) => `- **${scenario}**, ${status}: ${cell(reason ?? '?')}`,
      ),
    ),
    ...section('What could not be broken here', records.flatMap(skippedFaults)),
    ...section('What could not be checked', skippedVerdicts(records)),
  ];
  return `${lines.join('\n')}\n`;
}

function totals(records: readonly RunRecord[]): string[] {
  const sum = (of: (record: RunRecord) => number): number =>
    records.reduce((total, record) => total + of(record), 0);
  const crashes = sum(({ figures }) => figures.crashes);
  const lost = sum(({ verdicts }) => lostAcks(verdicts) ?? 0);
  const rate =
    crashes > 0 && lost === 0
      ? `, so that a crash loses one less often than ${share(3 / crashes)} (95 %)`
      : '';
  return [
    `${thousands(records.length)} runs, ${thousands(sum(({ figures }) => figures.faultsProven))} faults proven, ` +
      `${thousands(crashes)} crashes. **${thousands(lost)} of ${thousands(sum(({ figures }) => figures.acksChecked))} ` +
      `acked edits were lost**${rate}.`,
  ];
}

function row(record: RunRecord): string {
  const { scenario, seed, figures, verdicts, faults } = record;
  const { passed, failed, skipped } = tally(verdicts);
  const ack = figures.ackLatency['local'] ?? figures.ackLatency['replicated'];
  const names = [
    ...new Set(faults.filter(({ status }) => status === 'injected').map(({ id }) => id)),
  ];
  const lost = lostAcks(verdicts);
  const words = [
    `${passed} passed`,
    failed > 0 ? `**${failed} failed**` : '',
    skipped > 0 ? `${skipped} skipped` : '',
  ];
  return `| ${[
    cell(scenario),
    names.map(cell).join(', ') || '–',
    words.filter(Boolean).join(', '),
    thousands(figures.acksChecked),
    lost === null ? '–' : thousands(lost),
    thousands(figures.crashes),
    `${duration(ack?.p50)} / ${duration(ack?.p99)}`,
    duration(figures.ackToVisible?.p99),
    duration(figures.convergeMs),
    seed,
  ].join(' | ')} |`;
}

function failures({ scenario, verdicts, command }: RunRecord): string[] {
  return verdicts
    .filter(({ status }) => status === 'failed')
    .map(
      ({ id, name, violations, evidence }) =>
        `- **${scenario}**, ${id} ${name.toLowerCase()}: ${violations} × e. g. ${evidence[0]?.text ?? '?'}. Again: \`${command}\``,
    );
}

function skippedFaults({ scenario, faults }: RunRecord): string[] {
  return faults
    .filter(({ status }) => status === 'skipped')
    .map(
      ({ id, name, reason }) => `- **${scenario}**, ${id} ${name}: ${reason ?? 'no reason given'}`,
    );
}

/** By reason: the same one holds for many runs. */
function skippedVerdicts(records: readonly RunRecord[]): string[] {
  const scenarios = new Map<string, string[]>();
  for (const { scenario, verdicts } of records) {
    for (const verdict of verdicts) {
      if (verdict.status !== 'skipped') continue;
      const key = `${verdict.id} ${verdict.name}: ${reasonOf(verdict)}`;
      scenarios.set(key, [...(scenarios.get(key) ?? []), scenario]);
    }
  }
  return [...scenarios].map(([key, all]) =>
    all.length === records.length ? `- ${key} (in every run)` : `- ${key} (${all.join(', ')})`,
  );
}

function reasonOf({ reason }: Verdict): string {
  return reason ?? 'no reason given';
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines];
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}
