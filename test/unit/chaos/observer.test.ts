/** What the engine reads off nodes from outside. */
import { describe, expect, it } from 'vitest';
import { parseMetrics } from '../../../chaos/engine/observer.ts';
import { eventLoopLagMs } from '../../../chaos/engine/sampler.ts';

function lagOf(seconds: number): number {
  return eventLoopLagMs(new Map([['nodejs_eventloop_lag_p99_seconds', seconds]]));
}

describe('metrics of a node', () => {
  it('are read whatever their names are made of, summed over labels', () => {
    const metrics = parseMetrics(
      [
        '# HELP antientropy_rounds_total Rounds.',
        'antientropy_rounds_total{trigger="gap"} 2',
        'antientropy_rounds_total{trigger="open"} 3',
        'nodejs_eventloop_lag_p99_seconds 0.0125',
        'process_resident_memory_bytes 1.1e+8',
        'lag_seconds:rate5m 4',
        'never_seen NaN',
      ].join('\n'),
    );
    expect(Object.fromEntries(metrics)).toEqual({
      antientropy_rounds_total: 5,
      'antientropy_rounds_total{trigger="gap"}': 2,
      'antientropy_rounds_total{trigger="open"}': 3,
      nodejs_eventloop_lag_p99_seconds: 0.0125,
      process_resident_memory_bytes: 1.1e8,
      'lag_seconds:rate5m': 4,
    });
  });

  it('show the lag of the event loop over what an idle node shows, which is how often Node looks', () => {
    expect(lagOf(0.0098)).toBe(0);
    expect(lagOf(0.0868)).toBeCloseTo(76.8);
  });
});
