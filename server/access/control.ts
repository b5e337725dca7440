/**
 * The access control of one node: keys, tickets, revocations and the embedder's hook behind the port of access.ts.
 */
import type { AccessControl } from './access.ts';
import { openAccess } from './open-access.ts';

export type RunningAccess = AccessControl & {
  /** Reads what is stored; before the first request is answered. */
  start(): Promise<void>;
  close(): void;
};

export function createAccessControl(): RunningAccess {
  return openAccess;
}
