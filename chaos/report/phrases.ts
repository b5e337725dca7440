/** Numbers and verdicts in few words, the same in reports and tables. */
import type { Verdict } from '../checker/verdict.ts';

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

export function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

/** At most three digits that say something. */
export function share(rate: number | null): string {
  return rate === null ? '–' : `${Number((Math.min(1, rate) * 100).toPrecision(2))} %`;
}

export function tally(verdicts: readonly Verdict[]): {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
} {
  const of = (status: Verdict['status']): number =>
    verdicts.filter((verdict) => verdict.status === status).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** Acked operations that the end of the run lacks, or that a crash took; null when nobody could look. */
export function lostAcks(verdicts: readonly Verdict[]): number | null {
  const lost = (id: string): number =>
    verdicts.find((verdict) => verdict.id === id)?.counts['lost'] ?? 0;
  const looked = verdicts.some(
    ({ id, status }) => (id === 'K1' || id === 'K2' || id === 'K11') && status !== 'skipped',
  );
  // A crash's losses are missing at the end too, unless somebody brought them back.
  return looked ? Math.max(lost('K1') + lost('K2'), lost('K11')) : null;
}

/** `rssBytes` → `rss bytes`. */
export function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
