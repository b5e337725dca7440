/** K17: a minute after the run, memory, handles, timers and queues are where they were before it. [I6] */
import type { Invariant } from '../findings.ts';

/** What a gauge may be off by when its baseline is next to nothing. */
const SLACK_BYTES = 1024 * 1024;
const SLACK_COUNT = 1;

export const boundedResources: Invariant = {
  id: 'K17',
  name: 'Resources come back',
  over: 'gauges',
  lacking: 'no gauges from before and after the run',
  check(index, findings, { resourceGrowthMax }) {
    const events = index.of('resources');
    for (const { node, mono, gauges } of lastOfEach(events, 'after')) {
      const baseline = lastOfEach(events, 'baseline').find((each) => each.node === node);
      for (const [name, after] of Object.entries(gauges)) {
        const before = baseline?.gauges[name];
        if (before === undefined) continue;
        findings.count('gauges');
        const slack = /bytes$/i.test(name) ? SLACK_BYTES : SLACK_COUNT;
        if (after > before * (1 + resourceGrowthMax) + slack) {
          findings.violation(`${name} of ${node} was ${before} and is ${after}`, { node, mono });
        }
      }
    }
  },
};

function lastOfEach<T extends { readonly node: string; readonly phase: string }>(
  events: readonly T[],
  phase: string,
): T[] {
  const last = new Map<string, T>();
  for (const event of events) if (event.phase === phase) last.set(event.node, event);
  return [...last.values()];
}
