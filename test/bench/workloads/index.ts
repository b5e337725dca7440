/** All workloads, in the order of RESULTS.md. */
import type { Workload } from '../workload.ts';
import { ackLatencyTyping } from './ack-latency.ts';
import { fanOutCalm, fanOutHot } from './fan-out.ts';
import { firstLoadLarge } from './first-load.ts';
import { idleConnections } from './idle-connections.ts';
import { joinStormLarge } from './join-storm.ts';
import { manyRooms } from './many-rooms.ts';
import { openDocumentsIdle } from './open-documents.ts';
import { presenceCrowd } from './presence.ts';
import { healAfterCut } from './heal.ts';
import { newcomerFillsUp } from './newcomer.ts';
import { restUpdatesTyping } from './rest-updates.ts';
import { twoNodesTyping } from './two-nodes.ts';

export const WORKLOADS: readonly Workload[] = [
  fanOutCalm,
  fanOutHot,
  manyRooms,
  joinStormLarge,
  openDocumentsIdle,
  presenceCrowd,
  idleConnections,
  ackLatencyTyping,
  firstLoadLarge,
  restUpdatesTyping,
  twoNodesTyping,
  healAfterCut,
  newcomerFillsUp,
];
