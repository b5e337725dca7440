/** The figures of a run: how much was checked, how long acks, sight and healing took. A pure function over the history. */
import type { History } from '../history/events.ts';
import { quietTimes } from './convergence.ts';
import type { Figures, TimeBin } from './figures.ts';
import { groupedBy } from './grouped.ts';
import { HistoryIndex, type Operation } from './history-index.ts';
import { percentile, percentilesOf } from './percentiles.ts';

/** The chart is about so many bins wide. */
const BINS = 120;
const BIN_MS_MIN = 100;
/** After n clean trials the rate is below 3/n, 19 times of 20. */
const RULE_OF_THREE = 3;

export function measure(history: History): Figures {
  const index = new HistoryIndex(history);
  const operations = [...index.operations.values()];
  const acked = operations.filter(({ acks }) => acks.length > 0);
  const visible = visibility(index, acked);
  const crashes = index.of('node').filter(({ type }) => type === 'crashed').length;
  const faults = index.of('fault');
  const latencies = groupedBy(
    acked.flatMap(({ acks, invokedMono }) =>
      acks.map(({ level, mono }) => ({ level, latencyMs: mono - invokedMono })),
    ),
    ({ level }) => level,
  );
  return {
    ops: operations.length,
    acksChecked: acked.length,
    unknown: operations.filter(({ acks, isRefused }) => acks.length === 0 && !isRefused).length,
    crashes,
    faultsProven: index.faults.filter(({ isProved }) => isProved).length,
    faultsSkipped: faults.filter(({ type }) => type === 'skipped').length,
    lossRateMax: crashes === 0 ? null : RULE_OF_THREE / crashes,
    ackLatency: Object.fromEntries(
      [...latencies].flatMap(([level, all]) => {
        const percentiles = percentilesOf(all.map(({ latencyMs }) => latencyMs));
        return percentiles === null ? [] : [[level, percentiles]];
      }),
    ),
    ackToVisible: percentilesOf([...visible.values()]),
    neverVisible: index.of('seen').length === 0 ? 0 : unseen(acked, visible),
    convergeMs: slowestHeal(index),
    bins: binsOf(index, operations, visible),
    marks: index.of('mark').map(({ name, mono }) => ({ name, mono })),
    nodeEvents: index.of('node').map(({ node, type, mono }) => ({ node, type, mono })),
  };
}

/** From the first ack to sight on the last node that watches the document; only for what was seen on each of them. */
function visibility(
  index: HistoryIndex,
  acked: readonly Operation[],
): ReadonlyMap<Operation, number> {
  const watching = new Map<string, Set<string>>();
  const firstSeen = new Map<string, Map<string, number>>();
  for (const { doc, node, ids, mono } of index.of('seen')) {
    watching.set(doc, (watching.get(doc) ?? new Set()).add(node));
    for (const id of ids) {
      const places = firstSeen.get(id) ?? new Map<string, number>();
      firstSeen.set(id, places);
      if (!places.has(node)) places.set(node, mono);
    }
  }
  const visible = new Map<Operation, number>();
  for (const operation of acked) {
    const nodes = watching.get(operation.doc);
    if (operation.adds.length === 0 || nodes === undefined) continue;
    let everywhere = -Infinity;
    for (const id of operation.adds) {
      for (const node of nodes) {
        everywhere = Math.max(everywhere, firstSeen.get(id)?.get(node) ?? Infinity);
      }
    }
    const firstAck = Math.min(...operation.acks.map(({ mono }) => mono));
    if (everywhere < Infinity) visible.set(operation, Math.max(0, everywhere - firstAck));
  }
  return visible;
}

function unseen(acked: readonly Operation[], visible: ReadonlyMap<Operation, number>): number {
  return acked.filter((each) => each.adds.length > 0 && !visible.has(each)).length;
}

/** Of all quiet times and documents; null when some never became equal, or none was watched. */
function slowestHeal(index: HistoryIndex): number | null {
  let slowestMs: number | null = null;
  for (const { fromMono, documents } of quietTimes(index)) {
    for (const { replicas, deviating, equalByMono } of documents) {
      if (replicas.length < 2) continue;
      if (deviating.length > 0) return null;
      // Equal from the first look on: no time at all.
      slowestMs = Math.max(slowestMs ?? 0, equalByMono === null ? 0 : equalByMono - fromMono);
    }
  }
  return slowestMs;
}

function binsOf(
  index: HistoryIndex,
  operations: readonly Operation[],
  visible: ReadonlyMap<Operation, number>,
): TimeBin[] {
  const from = index.events[0]?.mono ?? 0;
  const to = index.events.at(-1)?.mono ?? 0;
  const binMs = Math.max(BIN_MS_MIN, Math.ceil((to - from) / BINS / BIN_MS_MIN) * BIN_MS_MIN);
  const binOf = (mono: number): number => Math.floor((mono - from) / binMs);
  const invoked = groupedBy(operations, ({ invokedMono }) => binOf(invokedMono));
  const acked = groupedBy(
    operations.filter(({ acks }) => acks.length > 0),
    ({ acks }) => binOf(acks[0]?.mono ?? from),
  );
  return Array.from({ length: operations.length === 0 ? 0 : binOf(to) + 1 }, (_, bin): TimeBin => {
    const own = acked.get(bin) ?? [];
    const latencies = own.map(({ acks, invokedMono }) => (acks[0]?.mono ?? 0) - invokedMono);
    const sights = own.flatMap((each) => visible.get(each) ?? []);
    return {
      mono: from + bin * binMs,
      invoked: invoked.get(bin)?.length ?? 0,
      acks: own.length,
      ackP50: percentileOrNull(latencies, 50),
      ackP99: percentileOrNull(latencies, 99),
      visibleP50: percentileOrNull(sights, 50),
      visibleP99: percentileOrNull(sights, 99),
    };
  });
}

function percentileOrNull(values: readonly number[], percent: number): number | null {
  return values.length === 0 ? null : percentile(values, percent);
}
