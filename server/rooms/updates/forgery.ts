/**
 * What only somebody who knows where things lie can tell from honest work (homes.ts):
 *
 * - A value of a map key that is longer than one clock. No Yjs type writes one. It could be split, its first part
 *   would never be deleted, and Yjs throws in the middle of its clean-up once somebody deletes the map. Old values,
 *   all deleted, may have been merged to one struct by a client that does not collect garbage: these are fine.
 * - An item whose two neighbours lie in different lists, one of them alive, or a map value with a right neighbour.
 *   If the one list is deleted and collected, the item is alive for those who had it before, and garbage for all who
 *   load the document later; and with it all that others have put behind it.
 */
import { PAIR_SLOTS, LONG_SLOTS, readHome } from './home-notes.ts';
import { HOME, isSameHome, newHome, type Home } from './homes.ts';
import { addRanges, containsRange, type Ranges } from './ranges.ts';
import type { UpdateSummary } from './scan.ts';
import type { Version } from './version.ts';

export type Forgery = 'map-value' | 'neighbours';

/** Of an update that is no gap. `version` is that of before. */
export function findForgery(summary: UpdateSummary, version: Version): Forgery | null {
  const { pairs, longs } = summary.homes;
  if (longs.length > 0 && hasLiveLongValue(summary, version)) return 'map-value';
  if (pairs.length > 0 && hasFalseNeighbours(summary, version)) return 'neighbours';
  return null;
}

function hasLiveLongValue(summary: UpdateSummary, version: Version): boolean {
  const { longs } = summary.homes;
  let deleted: Deleted | null = null;
  const home = newHome();
  for (let at = 0; at < longs.length; at += LONG_SLOTS) {
    version.resolveHome(readHome(home, longs, at + 3));
    if (home.kind !== HOME.map) continue;
    const [client, start, end] = longs.slice(at, at + 3) as [number, number, number];
    deleted ??= new Deleted(summary, version);
    if (!deleted.has(client, start, end)) return true;
  }
  return false;
}

function hasFalseNeighbours(summary: UpdateSummary, version: Version): boolean {
  const { pairs } = summary.homes;
  let deleted: Deleted | null = null;
  const left = newHome();
  const right = newHome();
  for (let at = 0; at < pairs.length; at += PAIR_SLOTS) {
    version.resolveHome(readHome(left, pairs, at));
    version.resolveHome(readHome(right, pairs, at + 3));
    if (left.kind === HOME.map || right.kind === HOME.map) return true;
    if (left.kind === HOME.unknown || right.kind === HOME.unknown) continue;
    if (isSameHome(left, right)) continue;
    // Whatever lies between deleted lists is dead for everybody. Collected ones have told all they know.
    deleted ??= new Deleted(summary, version);
    if (!isDeletedList(left, deleted) || !isDeletedList(right, deleted)) return true;
  }
  return false;
}

function isDeletedList({ kind, client, clock }: Home, deleted: Deleted): boolean {
  if (kind === HOME.gone) return true;
  return kind === HOME.inside && deleted.has(client, clock, clock + 1);
}

/** What is deleted once the update is in, as far as updates say. Asked for rarely, then often: prepared by client. */
class Deleted {
  readonly #summary: UpdateSummary;
  readonly #version: Version;
  readonly #byClient: Map<number, Ranges> = new Map();
  #brought: Map<number, number[]> | null = null;

  constructor(summary: UpdateSummary, version: Version) {
    this.#summary = summary;
    this.#version = version;
  }

  has(client: number, from: number, to: number): boolean {
    let ranges = this.#byClient.get(client);
    if (ranges === undefined) {
      ranges = [...(this.#version.deletes.get(client) ?? [])];
      addRanges(ranges, (this.#brought ??= broughtDeletes(this.#summary)).get(client) ?? []);
      this.#byClient.set(client, ranges);
    }
    return containsRange(ranges, from, to);
  }
}

/** Client to [from, to, …]. */
function broughtDeletes({ deletes, tombstones }: UpdateSummary): Map<number, number[]> {
  const brought = new Map<number, number[]>();
  const add = (client: number, from: number, to: number): void => {
    const ranges = brought.get(client);
    if (ranges === undefined) brought.set(client, [from, to]);
    else ranges.push(from, to);
  };
  for (let at = 0; at < deletes.length; at += 3) {
    const [client, clock, length] = deletes.slice(at, at + 3) as [number, number, number];
    add(client, clock, clock + length);
  }
  for (let at = 0; at < tombstones.length; at += 3) {
    const [client, from, to] = tombstones.slice(at, at + 3) as [number, number, number];
    add(client, from, to);
  }
  return brought;
}
