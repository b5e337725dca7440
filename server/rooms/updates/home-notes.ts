/**
 * Takes down, while an update is scanned, where its items lie (homes.ts) and what must be looked at once that is
 * known in full: neighbours, which must share a home, and values longer than one clock, which no map may hold.
 * Typing on where one typed before leaves nothing to note.
 *
 * What an update says by itself is resolved here, once, in the thread that scans: of a whole document hardly
 * anything is left. What it inherits from outside stays `like` an id, for the version to resolve.
 */
import type { SectionIndex } from './emission.ts';
import { HOME, isSameHome, newHome, setHome, type Home, type HomeKind } from './homes.ts';
import { NO_CLIENT, REF, type StructReader } from './struct-reader.ts';

/** Slots of a run: first clock, then a home. It lasts until the next run, or the end of its section. */
export const RUN_SLOTS = 4;
/** Slots of a pair: two homes. */
export const PAIR_SLOTS = 6;
/** Slots of a long value: client, first clock, clock after the last, home. */
export const LONG_SLOTS = 6;

/** What is noted. Plain lists, so that they cross threads cheaply. */
export interface HomeSummary {
  /**
   * A list for each section: [clock, kind, client, clock, …]. Clocks of a section before its first run lie where
   * the clock before the section does.
   */
  readonly runs: readonly (readonly number[])[];
  /** [kind, client, clock, kind, client, clock, …]: homes of two neighbours of one item; both the same if it has one. */
  readonly pairs: readonly number[];
  /** [client, start, end, kind, client, clock, …] */
  readonly longs: readonly number[];
}

const NONE: readonly number[] = Object.freeze([]);
const NO_RUNS: readonly (readonly number[])[] = Object.freeze([]);
export const NO_HOMES: HomeSummary = Object.freeze({ runs: NO_RUNS, pairs: NONE, longs: NONE });

/** Hot: a keystroke in the middle of a text is noted in some 80 ns, so lists are made when they are needed. */
export class HomeNotes {
  /** Only the sections up to the last one that has runs. */
  #runs: number[][] | null = null;
  #pairs: number[] | null = null;
  #longs: number[] | null = null;
  #section = 0;
  #client = 0;
  #sectionStart = 0;
  /** The home of the struct before the one at hand. */
  #lastKind: HomeKind = HOME.root;
  #lastClient = 0;
  #lastClock = 0;
  /** What `#look` found. */
  #kind: HomeKind = HOME.root;
  #homeClient = 0;
  #homeClock = 0;

  /** The `section`-th of the update begins. */
  startSection(section: number, client: number, clock: number): void {
    this.#section = section;
    this.#client = client;
    this.#sectionStart = clock;
    this.#lastKind = clock === 0 ? HOME.root : HOME.like;
    this.#lastClient = clock === 0 ? 0 : client;
    this.#lastClock = clock === 0 ? 0 : clock - 1;
  }

  /** The struct just read, from `clock` up to `end`. */
  add(reader: StructReader, clock: number, end: number): void {
    const { originClient, rightClient } = reader;
    // Typed on: no news, whatever it was.
    if (originClient !== this.#client || reader.originClock !== clock - 1 || clock === 0) {
      this.#place(reader);
      if (
        this.#kind !== this.#lastKind ||
        this.#homeClock !== this.#lastClock ||
        this.#homeClient !== this.#lastClient
      )
        this.#startRun(clock);
    }
    if (rightClient !== NO_CLIENT) {
      if (originClient !== NO_CLIENT) this.#look(rightClient, reader.rightClock);
      this.#pair(this.#kind, this.#homeClient, this.#homeClock);
    }
    if (end - clock > 1 && reader.ref > REF.deleted && mayBeMap(this.#lastKind)) {
      this.#longs ??= [];
      this.#longs.push(this.#client, clock, end, this.#lastKind, this.#lastClient, this.#lastClock);
    }
  }

  /** `index`: finds the sections, of an update without Skips and cycles; null if there is only one. */
  summary(index: SectionIndex | null): HomeSummary {
    const runs = this.#runs ?? NO_RUNS;
    const pairs = this.#pairs ?? NONE;
    const longs = this.#longs ?? NONE;
    if (index === null) return { runs, pairs, longs };
    return new Resolution(this.#runs ?? [], index).summary(pairs, longs);
  }

  /** Where an item lies that does not follow the one before it. */
  #place(reader: StructReader): void {
    if (reader.originClient !== NO_CLIENT) {
      this.#look(reader.originClient, reader.originClock);
    } else if (reader.rightClient !== NO_CLIENT) {
      this.#look(reader.rightClient, reader.rightClock);
    } else if (reader.parentClient !== NO_CLIENT && !reader.hasKey) {
      this.#found(HOME.inside, reader.parentClient, reader.parentClock);
    } else if (reader.ref === REF.gc) {
      this.#found(HOME.gone, 0, 0);
    } else {
      this.#found(reader.hasKey ? HOME.map : HOME.root, 0, 0);
    }
  }

  #startRun(clock: number): void {
    this.#lastKind = this.#kind;
    this.#lastClient = this.#homeClient;
    this.#lastClock = this.#homeClock;
    const runs = (this.#runs ??= []);
    while (runs.length < this.#section) runs.push([]);
    const own = runs[this.#section];
    if (own === undefined) runs.push([clock, this.#kind, this.#homeClient, this.#homeClock]);
    else own.push(clock, this.#kind, this.#homeClient, this.#homeClock);
  }

  /** The left neighbour lies in the last home; the right one, or the only one, in this. */
  #pair(kind: HomeKind, client: number, clock: number): void {
    const isSame =
      kind === this.#lastKind && client === this.#lastClient && clock === this.#lastClock;
    // Two neighbours in one known list are as they should be.
    if (isSame && isList(kind)) return;
    if (this.#pairs === null) {
      this.#pairs = [this.#lastKind, this.#lastClient, this.#lastClock, kind, client, clock];
    } else {
      this.#pairs.push(this.#lastKind, this.#lastClient, this.#lastClock, kind, client, clock);
    }
  }

  /** Finds the home of an id, as far as the section at hand knows it. */
  #look(client: number, clock: number): void {
    if (client !== this.#client || clock < this.#sectionStart) {
      this.#found(HOME.like, client, clock);
      return;
    }
    const runs = this.#runs?.[this.#section];
    const at = runs === undefined ? -1 : findRun(runs, clock);
    if (at !== -1) {
      const list = runs as number[];
      this.#found(list[at + 1] as HomeKind, list[at + 2] as number, list[at + 3] as number);
    } else if (this.#sectionStart === 0) {
      this.#found(HOME.root, 0, 0);
    } else {
      this.#found(HOME.like, client, this.#sectionStart - 1);
    }
  }

  #found(kind: HomeKind, client: number, clock: number): void {
    this.#kind = kind;
    this.#homeClient = client;
    this.#homeClock = clock;
  }
}

/** Follows what is inherited from one section of an update to another. */
class Resolution {
  readonly #runs: number[][];
  readonly #index: SectionIndex;

  constructor(runs: number[][], index: SectionIndex) {
    this.#runs = runs;
    this.#index = index;
  }

  summary(pairs: readonly number[], longs: readonly number[]): HomeSummary {
    const home = newHome();
    return {
      runs: this.#runs.map((runs) => this.#resolveRuns(runs, home)),
      pairs: this.#resolvePairs(pairs, home),
      longs: this.#resolveLongs(longs, home),
    };
  }

  #resolveRuns(runs: number[], home: Home): readonly number[] {
    const resolved: number[] = [];
    const last = newHome();
    for (let at = 0; at < runs.length; at += RUN_SLOTS) {
      this.#resolve(readHome(home, runs, at + 1));
      if (at > 0 && isSameHome(last, home)) continue;
      resolved.push(runs[at] as number, home.kind, home.client, home.clock);
      setHome(last, home.kind, home.client, home.clock);
    }
    return resolved;
  }

  #resolvePairs(pairs: readonly number[], left: Home): readonly number[] {
    const resolved: number[] = [];
    const right = newHome();
    for (let at = 0; at < pairs.length; at += PAIR_SLOTS) {
      this.#resolve(readHome(left, pairs, at));
      this.#resolve(readHome(right, pairs, at + 3));
      if (isList(left.kind) && isSameHome(left, right)) continue;
      resolved.push(left.kind, left.client, left.clock, right.kind, right.client, right.clock);
    }
    return resolved;
  }

  #resolveLongs(longs: readonly number[], home: Home): readonly number[] {
    const resolved: number[] = [];
    for (let at = 0; at < longs.length; at += LONG_SLOTS) {
      this.#resolve(readHome(home, longs, at + 3));
      if (!mayBeMap(home.kind)) continue;
      const [client, start, end] = longs.slice(at, at + 3) as [number, number, number];
      resolved.push(client, start, end, home.kind, home.client, home.clock);
    }
    return resolved;
  }

  /** What a run inherits is written into it: chains of them would be followed again and again. */
  #resolve(home: Home): void {
    let passed: { runs: number[]; at: number }[] | null = null;
    while (home.kind === HOME.like) {
      const section = this.#index.find(home.client, home.clock);
      if (section === -1) break;
      const runs = this.#runs[section];
      const at = runs === undefined ? -1 : findRun(runs, home.clock);
      if (at === -1) {
        const start = this.#index.startOf(section);
        if (start === 0) setHome(home, HOME.root, 0, 0);
        else setHome(home, HOME.like, home.client, start - 1);
        break;
      }
      readHome(home, runs as number[], at + 1);
      if (home.kind !== HOME.like) break;
      (passed ??= []).push({ runs: runs as number[], at });
      // A circle ends here. There is one only in lies about what is known already, which is trimmed away.
      (runs as number[])[at + 1] = HOME.unknown;
    }
    for (const { runs, at } of passed ?? []) {
      runs[at + 1] = home.kind;
      runs[at + 2] = home.client;
      runs[at + 3] = home.clock;
    }
  }
}

/** Offset of the last run that starts at or before `clock`, or -1. */
function findRun(runs: readonly number[], clock: number): number {
  let low = -1;
  let high = runs.length / RUN_SLOTS - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((runs[middle * RUN_SLOTS] as number) <= clock) low = middle;
    else high = middle - 1;
  }
  return low === -1 ? -1 : low * RUN_SLOTS;
}

/** Reads the home that lies at `at` in one of the lists of a summary. */
export function readHome(home: Home, list: readonly number[], at: number): Home {
  return setHome(home, list[at] as HomeKind, list[at + 1] as number, list[at + 2] as number);
}

function isList(kind: HomeKind): boolean {
  return kind === HOME.root || kind === HOME.inside;
}

function mayBeMap(kind: HomeKind): boolean {
  return kind === HOME.map || kind === HOME.like;
}
