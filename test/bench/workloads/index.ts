/** All workloads, in the order of the table in RESULTS.md. */
import type { Workload } from '../workload.ts';
import { fanOutCalm, fanOutHot } from './fan-out.ts';
import { manyRooms } from './many-rooms.ts';

export const WORKLOADS: readonly Workload[] = [fanOutCalm, fanOutHot, manyRooms];
