/** No access control: everybody is `anonymous` and may do everything. Loopback nodes, and AUTH=none. */
import type { Authentication, Identity } from './access.ts';
import type { RunningAccess } from './control.ts';

const ANONYMOUS: Identity = {
  subject: 'anonymous',
  expiresAtMs: null,
  tokenId: null,
  issuedAtMs: null,
};
const WELCOME: Authentication = { ok: true, identity: ANONYMOUS };

export const openAccess: RunningAccess = {
  isEnforced: false,
  hasHook: false,
  authenticate: () => Promise.resolve(WELCOME),
  accessTo: () => Promise.resolve('admin'),
  accessToNode: () => 'admin',
  refusalOf: () => null,
  revoke: () => Promise.resolve(),
  onRevoked: () => () => undefined,
  start: () => Promise.resolve(),
  close: () => undefined,
};
