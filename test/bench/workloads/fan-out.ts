/** One room, four writers, a hundred readers: what it costs to bring one edit to one reader. */
import { percentiles } from '../statistics.ts';
import { typeTogether } from '../typing.ts';
import type { Aim, Metric, Outcome, Run, Workload } from '../workload.ts';

const READERS = 100;
const WRITERS = 4;
const SECONDS = 10;

type Aims = Readonly<Record<'cpu' | 'p99', readonly Exclude<Aim, null>[]>>;

function metrics(aims: Aims): readonly Metric[] {
  const delay = { unit: 'ms', digits: 1, aims: [] };
  return [
    { key: 'cpu', label: 'CPU per delivered edit', unit: 'µs', digits: 2, aims: aims.cpu },
    { ...delay, key: 'p50', label: 'propagation p50' },
    { ...delay, key: 'p95', label: 'propagation p95' },
    { ...delay, key: 'p99', label: 'propagation p99', aims: aims.p99 },
    { key: 'seconds', label: 'until all was delivered', unit: 's', digits: 1, aims: [] },
  ];
}

async function fanOut(run: Run, perSecond: number): Promise<Outcome> {
  const readers = run.isQuick ? 20 : READERS;
  const result = await typeTogether(run, {
    rooms: ['bench-fan-out'],
    writersPerRoom: WRITERS,
    perSecond,
    readersPerRoom: readers,
    probes: 2,
    probedRooms: 1,
    seconds: run.isQuick ? 2 : SECONDS,
  });
  return {
    values: {
      cpu: (result.cpuMs * 1000) / (result.edits * readers),
      ...percentiles(result.latenciesMs),
      seconds: result.seconds,
    },
    faults: result.faults,
    remarks: result.remarks,
  };
}

const MEASURE =
  `CPU: server CPU from after a 6 s warm-up until all is delivered, over edits × readers (the echo to ` +
  `writers costs, but is not counted). Propagation: from sending an insertion to its arrival at two readers ` +
  `that read at once; the other 98 read their sockets every 50 ms. All readers’ texts are checked.`;

export const fanOutCalm: Workload = {
  name: 'fan-out',
  summary: `One room, ${WRITERS} writers × 50 edits/s, ${READERS} readers, ${SECONDS} s. ${MEASURE}`,
  metrics: metrics({ cpu: [{ ratioMax: 0.7 }], p99: [] }),
  run: async (run) => fanOut(run, 50),
};

export const fanOutHot: Workload = {
  name: 'fan-out-hot',
  summary: `The same with ${WRITERS} writers × 500 edits/s: 200,000 deliveries a second. ${MEASURE}`,
  metrics: metrics({ cpu: [{ ratioMax: 0.4 }], p99: [{ below: 50 }] }),
  run: async (run) => fanOut(run, 500),
};
