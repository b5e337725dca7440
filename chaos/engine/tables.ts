/** What a terminal shows: the list of scenarios, and what became of them. */
import type { Absent } from '../scenarios/catalogue.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import type { Outcome } from './outcome.ts';

export function listing(scenarios: readonly Scenario[], absent: readonly Absent[]): string {
  const width = Math.max(...scenarios.map(({ id }) => id.length)) + 2;
  const lines = scenarios.map((scenario) => {
    const obstacle = scenario.obstacle?.() ?? null;
    const note = obstacle === null ? '' : `  [skipped here: ${obstacle}]`;
    return `${scenario.id.padEnd(width)}${scenario.title}${note}`;
  });
  const missing = absent.map(({ id, title, reason }) => `${id.padEnd(width)}${title}: ${reason}`);
  return [...lines, '', 'Not here:', ...missing, ''].join('\n');
}

export function summary(outcomes: readonly Outcome[], isDetailed: boolean): string {
  return `${outcomes.flatMap((outcome) => linesOf(outcome, isDetailed)).join('\n')}\n`;
}

function linesOf(outcome: Outcome, isDetailed: boolean): string[] {
  const { scenario, title, status, reason, seed, durationMs, verdicts, record } = outcome;
  const seconds = `${Math.round(durationMs / 1_000)} s`;
  const head = `${status.toUpperCase().padEnd(8)}${scenario}  ${title}  (${seconds}, seed ${seed})`;
  const why = reason === null ? [] : [`        ${reason}`];
  if (!isDetailed) return [head, ...why];
  const details = verdicts.flatMap((verdict) => {
    const counts = Object.entries(verdict.counts).map(([name, count]) => `${name} ${count}`);
    const mark = { passed: 'ok  ', failed: 'FAIL', skipped: '–   ' }[verdict.status];
    const line = `  ${mark} ${verdict.id.padEnd(4)}${verdict.name}: ${verdict.reason ?? counts.join(', ')}`;
    if (verdict.status !== 'failed') return [line];
    return [line, ...verdict.evidence.slice(0, 3).map(({ text }) => `         ${text}`)];
  });
  return [...details, ...figuresOf(record), head, ...why];
}

function figuresOf(record: Outcome['record']): string[] {
  if (record === null) return [];
  const { figures } = record;
  const local = figures.ackLatency['local'] ?? figures.ackLatency['replicated'];
  const acks =
    local === undefined
      ? 'no acks'
      : `acks p50 ${Math.round(local.p50)} ms, p99 ${Math.round(local.p99)} ms`;
  const visible = figures.ackToVisible;
  const seen =
    visible === null ? '' : `, ack to visible everywhere p99 ${Math.round(visible.p99)} ms`;
  const healed =
    figures.convergeMs === null ? '' : `, healed in ${Math.round(figures.convergeMs)} ms`;
  return [`  ${figures.ops} operations, ${figures.acksChecked} acked, ${acks}${seen}${healed}`];
}
