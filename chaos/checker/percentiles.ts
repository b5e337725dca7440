/** Percentiles by nearest rank: always a value that was measured. */
import type { Percentiles } from './figures.ts';

export function percentile(values: readonly number[], percent: number): number {
  return ranked(
    values.toSorted((a, b) => a - b),
    percent,
  );
}

export function percentilesOf(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    p50: ranked(sorted, 50),
    p90: ranked(sorted, 90),
    p99: ranked(sorted, 99),
    max: ranked(sorted, 100),
  };
}

function ranked(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}
