/** K19: people who left are soon gone from everybody's view, people who are there soon show, once links are up. [I9] */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { HistoryIndex } from '../history-index.ts';

interface Stay {
  /** From when it may be seen: presence goes out as soon as a connection opens. */
  readonly fromMono: number;
  /** From when it must be seen, before long; Infinity: it never was wholly there. */
  syncedMono: number;
  readonly toMono: number;
}

export const presence: Invariant = {
  id: 'K19',
  name: 'Presence becomes true',
  over: 'samples',
  lacking: 'nobody looked who is there',
  check(index, findings, { ghostMsMax, presenceMsMax }) {
    const stays = staysOf(index);
    const observers = groupedBy(index.of('connect'), ({ session, doc }) => `${session}\0${doc}`);
    for (const { session, node, doc, users, mono } of index.of('presence')) {
      findings.count('samples');
      const isHere = (stay: Stay, at: number): boolean => stay.fromMono <= at && stay.toMono > at;
      for (const user of users) {
        const own = stays.get(`${user}\0${doc}`);
        if (own === undefined) {
          findings.violation(`${session} sees ${user}, who was never there`, { doc, node, mono });
        } else if (!own.some((stay) => isHere(stay, mono))) {
          const left = Math.max(...own.filter((s) => s.toMono <= mono).map((s) => s.toMono));
          if (mono - left > ghostMsMax) {
            findings.violation(
              `${session} still sees ${user}, gone for ${Math.round((mono - left) / 1_000)} s`,
              { doc, node, mono },
            );
          }
        }
      }
      // Links must have been up, and the observer there, for long enough to know.
      const calmSince = calmBefore(index, mono);
      const arrived = observers
        .get(`${session}\0${doc}`)
        ?.findLast((event) => event.type === 'ok' && event.mono <= mono)?.mono;
      if (calmSince === null || arrived === undefined) continue;
      for (const [key, own] of stays) {
        const [user = '', where = ''] = key.split('\0');
        if (where !== doc || users.includes(user)) continue;
        const since = own.find((stay) => isHere(stay, mono) && stay.syncedMono <= mono)?.syncedMono;
        if (since === undefined) continue;
        const missingMs = mono - Math.max(since, calmSince, arrived);
        if (missingMs > presenceMsMax) {
          findings.violation(
            `${session} does not see ${user}, who has been there for ${Math.round(missingMs / 1_000)} s without a fault`,
            { doc, node, mono },
          );
        }
      }
    }
  },
};

/** By user and document. */
function staysOf(index: HistoryIndex): Map<string, Stay[]> {
  const ends = new Map(index.of('close').map(({ connection, mono }) => [connection, mono]));
  const stays = new Map<string, Map<string, Stay>>();
  for (const { type, user, doc, connection, mono } of index.of('connect')) {
    if (user === undefined) continue;
    const key = `${user}\0${doc}`;
    const own = stays.get(key) ?? new Map<string, Stay>();
    stays.set(key, own);
    const stay = own.get(connection) ?? {
      fromMono: mono,
      syncedMono: Infinity,
      toMono: ends.get(connection) ?? Infinity,
    };
    own.set(connection, stay);
    if (type === 'ok') stay.syncedMono = Math.min(stay.syncedMono, mono);
  }
  return new Map([...stays].map(([key, own]) => [key, [...own.values()]]));
}

/** Since when nothing has been broken; null while something is. */
function calmBefore(index: HistoryIndex, mono: number): number | null {
  let since = -Infinity;
  for (const { fromMono, toMono } of index.faults) {
    if (fromMono > mono) continue;
    if (toMono > mono) return null;
    since = Math.max(since, toMono);
  }
  return since;
}
