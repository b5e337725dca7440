/** Run records as the chaos engine leaves them, from clean histories and from planted ones. */
import { check } from '../../chaos/checker/check.ts';
import { measure } from '../../chaos/checker/measure.ts';
import type { HistoryEvent } from '../../chaos/history/events.ts';
import type { RunRecord, Sample, Topology } from '../../chaos/report/run-record.ts';

export const TOPOLOGY: Topology = {
  regions: ['eu', 'us'],
  nodes: [
    { id: 'a', region: 'eu' },
    { id: 'b', region: 'eu' },
    { id: 'c', region: 'us' },
  ],
  redises: [
    { id: 'redis-eu', region: 'eu' },
    { id: 'redis-us', region: 'us' },
  ],
  links: [
    { id: 'a-eu', from: 'a', to: 'redis-eu', kind: 'redis' },
    { id: 'a-us', from: 'a', to: 'redis-us', kind: 'redis' },
    { id: 'b-eu', from: 'b', to: 'redis-eu', kind: 'redis' },
    { id: 'b-us', from: 'b', to: 'redis-us', kind: 'redis' },
    { id: 'c-us', from: 'c', to: 'redis-us', kind: 'redis' },
    { id: 'c-eu', from: 'c', to: 'redis-eu', kind: 'redis' },
    { id: 'editors-a', from: 'editors', to: 'a', kind: 'client' },
    { id: 'editors-b', from: 'editors', to: 'b', kind: 'client' },
    { id: 'editors-c', from: 'editors', to: 'c', kind: 'client' },
  ],
};

export function runRecordOf(history: readonly HistoryEvent[]): RunRecord {
  const startedMono = history[0]?.mono ?? 0;
  // The long look at the end of a quiet time would squeeze everything else.
  const durationMs = Math.round((history.at(-1)?.mono ?? 0) - startedMono);
  const faults = history.filter((event) => event.f === 'fault');
  return {
    scenario: 'partition',
    title: 'two regions, one cut, one crash',
    seed: 4_217,
    command: 'npm run chaos -- run partition --seconds 30 --seed 4217',
    machine: {
      cpus: 2,
      cpuModel: 'Example CPU',
      memoryBytes: 8 * 2 ** 30,
      os: 'linux 6.1',
      node: 'v20.20.2',
    },
    startedAt: '2026-11-22T04:00:00.000Z',
    durationMs,
    topology: TOPOLOGY,
    editors: 5,
    documents: 2,
    faults: [
      ...faults
        .filter(({ type }) => type === 'begin')
        .map((begin) => {
          const end = faults.find(({ id, type }) => id === begin.id && type === 'healed');
          const proof = faults.find(({ id, type }) => id === begin.id && type === 'proved')?.proof;
          return {
            id: begin.name.split(' ')[0] ?? '',
            name: begin.name.slice(4),
            targets: begin.scope === 'bus' ? ['c-us', 'c-eu'] : [begin.target],
            fromMs: begin.mono - startedMono,
            toMs: end === undefined ? null : end.mono - startedMono,
            status: 'injected' as const,
            proof: proof ?? null,
            reason: null,
          };
        }),
      {
        id: 'F60',
        name: 'packet loss 10 %',
        targets: ['c-us'],
        fromMs: 0,
        toMs: null,
        status: 'skipped',
        proof: null,
        reason: 'tc netem is not there',
      },
    ],
    historyFile: 'history.jsonl',
    startedMono,
    samples: samplesOf(history, startedMono, durationMs),
    verdicts: check(history),
    figures: measure(history),
  };
}

/** Node `c` falls behind over the cut, `a` cannot be asked while it is down. */
function samplesOf(
  history: readonly HistoryEvent[],
  startedMono: number,
  durationMs: number,
): Sample[] {
  const at = (type: string, id: string): number =>
    (history.find((event) => event.f === 'fault' && event.type === type && event.id === id)?.mono ??
      Infinity) - startedMono;
  const samples: Sample[] = [];
  for (let atMs = 0; atMs < durationMs; atMs += 250) {
    for (const { id } of TOPOLOGY.nodes) {
      const isCut = id === 'c' && atMs > at('begin', 'f1') && atMs < at('healed', 'f1');
      const isDown = id === 'a' && atMs > at('begin', 'f2') && atMs < at('healed', 'f2');
      const behind = isCut ? Math.round((atMs - at('begin', 'f1')) / 150) : 0;
      samples.push({
        atMs,
        node: id,
        divergentDocs: isDown ? null : Math.min(2, behind),
        divergentElements: isDown ? null : behind,
        rssBytes: (90 + ((atMs / 250) % 7) + id.charCodeAt(0) / 10) * 2 ** 20,
      });
    }
  }
  return samples;
}
