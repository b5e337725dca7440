/** A hundred small rooms, two people typing in each: what an edit costs where nothing can be shared. */
import { percentiles } from '../statistics.ts';
import { typeTogether } from '../typing.ts';
import type { Workload } from '../workload.ts';

const ROOMS = 100;
const SECONDS = 10;

export const manyRooms: Workload = {
  name: 'many-rooms',
  summary:
    `${ROOMS} rooms, each with 2 writers × 10 edits/s and 2 readers, ${SECONDS} s. CPU: server CPU from after a ` +
    `6 s warm-up until all is delivered, over edits sent. Propagation: at one reader in each of ten rooms. ` +
    `All readers’ texts are checked.`,
  metrics: [
    { key: 'cpu', label: 'CPU per edit', unit: 'µs', digits: 1, aims: [{ ratioMax: 0.6 }] },
    { key: 'p50', label: 'propagation p50', unit: 'ms', digits: 1, aims: [] },
    { key: 'p95', label: 'propagation p95', unit: 'ms', digits: 1, aims: [] },
    { key: 'p99', label: 'propagation p99', unit: 'ms', digits: 1, aims: [] },
  ],
  run: async (run) => {
    const rooms = run.isQuick ? 20 : ROOMS;
    const result = await typeTogether(run, {
      rooms: Array.from({ length: rooms }, (_, index) => `bench-room-${index}`),
      writersPerRoom: 2,
      perSecond: 10,
      readersPerRoom: 2,
      probes: 1,
      probedRooms: 10,
      seconds: run.isQuick ? 2 : SECONDS,
    });
    return {
      values: { cpu: (result.cpuMs * 1000) / result.edits, ...percentiles(result.latenciesMs) },
      faults: result.faults,
      remarks: result.remarks,
    };
  },
};
