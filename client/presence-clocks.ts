/**
 * Presence across connections. Every client's presence has a clock, and what is not newer than what was heard before is
 * ignored, also after its client was taken out for a while; clients renew theirs every 15 s.
 */
import type { Awareness } from 'y-protocols/awareness';

/** The connection is gone, and everybody else with it: on the next one they may say again what they said before. */
export function forgetOthers({ meta, clientID }: Awareness): void {
  for (const client of meta.keys()) if (client !== clientID) meta.delete(client);
}

/** On another connection: others may have been told meanwhile that this client is gone. */
export function renewOwn(awareness: Awareness): void {
  const state = awareness.getLocalState();
  if (state !== null) awareness.setLocalState(state);
}
