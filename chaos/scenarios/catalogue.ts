/** All scenarios, and the rows of the matrix that have none, with the reason why. */
import { ACCESS_SCENARIOS } from './access.ts';
import { CLIENT_SCENARIOS } from './clients.ts';
import { CROWD_SCENARIOS } from './crowds.ts';
import { DISK_SCENARIOS } from './disks.ts';
import { DURABILITY_SCENARIOS } from './durability.ts';
import { LINK_SCENARIOS } from './links.ts';
import { PRESENCE_SCENARIOS } from './presence.ts';
import { PROCESS_SCENARIOS } from './processes.ts';
import { REDIS_SCENARIOS } from './redis.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...ACCESS_SCENARIOS,
  ...CLIENT_SCENARIOS,
  ...CROWD_SCENARIOS,
  ...DISK_SCENARIOS,
  ...DURABILITY_SCENARIOS,
  ...LINK_SCENARIOS,
  ...PRESENCE_SCENARIOS,
  ...REDIS_SCENARIOS,
  ...PROCESS_SCENARIOS,
].toSorted((a, b) => a.id.localeCompare(b.id));

export interface Absent {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

export const ABSENT: readonly Absent[] = [
  {
    id: 'F07',
    title: 'uncaughtException in a handler',
    reason: 'a node has no hook to throw on demand, and one for tests only would be a hole',
  },
  {
    id: 'F73',
    title: 'two tabs, one IndexedDB, both offline, both sync',
    reason: 'needs a browser: test/e2e has it',
  },
  {
    id: 'F54',
    title: 'node split inside one region, Redis reachable by both, HTTP not',
    reason: 'nodes speak to each other over Redis only: there is no such link to cut',
  },
];

export function findScenario(id: string): Scenario | null {
  return SCENARIOS.find((scenario) => scenario.id.toLowerCase() === id.toLowerCase()) ?? null;
}
