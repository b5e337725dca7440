/** Whether editors see who is there. Asked in the quiet at the end: during a run people come and go. */
import { isDeepStrictEqual } from 'node:util';
import { groupedBy } from '../checker/grouped.ts';
import type { Fleet } from '../editors/fleet.ts';
import type { Look } from '../editors/orders.ts';
import { holdsWithin, mono } from './clock.ts';

/** Ghosts may stay for 35 s (K19); a little longer, so that the checker sees those that did. */
const TIMEOUT_MS = 38_000;
const LOOK_MS = 200;

/** Returns what to say of it. */
export async function presenceSettled(fleet: Fleet, patience: number): Promise<string> {
  const startedMono = mono();
  const isTrue = await holdsWithin(
    TIMEOUT_MS * patience,
    async () => isPresenceTrue(await fleet.looks(false)),
    LOOK_MS,
  );
  const tookMs = Math.round(mono() - startedMono);
  return isTrue
    ? `everybody sees who is there after another ${tookMs} ms`
    : `PRESENCE IS WRONG after another ${tookMs} ms`;
}

/** Whether everybody who is connected sees everybody who is connected in its document, and nobody else. */
export function isPresenceTrue(looks: readonly Look[]): boolean {
  const here = groupedBy(
    looks.filter(({ isSynced }) => isSynced),
    ({ doc }) => doc,
  );
  return [...here.values()].every((present) => {
    const sessions = present.map(({ session }) => session).toSorted();
    return present.every(({ users }) => isDeepStrictEqual(users, sessions));
  });
}
