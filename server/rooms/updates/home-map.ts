/** The homes of all clocks that a version knows: kept up to date from summaries, stored behind it in a head. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { HomeLog } from './home-log.ts';
import { RUN_SLOTS, readHome } from './home-notes.ts';
import { HOME, newHome, setHome, type Home } from './homes.ts';
import type { UpdateSummary } from './scan.ts';

type Clocks = ReadonlyMap<number, number>;

export class HomeMap {
  /** The version's own, which it moves. */
  readonly #clocks: Clocks;
  /** Clients of which all lies in root lists have none: a text costs nothing. */
  readonly #logs: Map<number, HomeLog> = new Map();
  #isKnown: boolean;

  constructor(clocks: Clocks, isKnown: boolean) {
    this.#clocks = clocks;
    this.#isKnown = isKnown;
  }

  /** False if of some clocks nothing was ever said. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Bytes besides a fixed amount for each client. */
  get bytes(): number {
    return [...this.#logs.values()].reduce((sum, log) => sum + log.bytesReserved, 0);
  }

  /** Clocks were advanced without saying where they lie. */
  forget(): void {
    this.#isKnown = false;
  }

  /** Replaces a home that is `like` an id by the home of that id. */
  resolve(home: Home): void {
    if (home.kind !== HOME.like) return;
    const { client, clock } = home;
    const log = this.#logs.size === 0 ? undefined : this.#logs.get(client);
    if (log !== undefined) {
      log.find(clock, home);
    } else {
      const isRoot = this.#isKnown && clock < (this.#clocks.get(client) ?? 0);
      setHome(home, isRoot ? HOME.root : HOME.unknown, 0, 0);
    }
  }

  /** Before the clocks move. Where the update overlaps with what is known, what is known counts. */
  apply({ sections, homes, hasSkips }: UpdateSummary): void {
    if (this.#logs.size === 0 && homes.runs.length === 0) return;
    const home = newHome();
    for (let at = 0; at < sections.length; at += 3) {
      const client = sections[at] as number;
      const end = sections[at + 2] as number;
      const runs = hasSkips ? undefined : homes.runs[at / 3];
      if (runs === undefined || runs.length === 0) {
        this.#logs.get(client)?.extend(end);
        continue;
      }
      let log = this.#logs.get(client);
      log?.extend(runs[0] as number);
      for (let run = 0; run < runs.length; run += RUN_SLOTS) {
        this.resolve(readHome(home, runs, run + 1));
        if (log === undefined && home.kind === HOME.root && this.#isKnown) continue;
        log ??= this.#logOf(client, runs[run] as number);
        log.add(runs[run + RUN_SLOTS] ?? end, home);
      }
    }
  }

  /** Takes over what another map knows beyond the clocks of this one. Before the clocks move. */
  merge(other: HomeMap): void {
    const home = newHome();
    for (const [client, clock] of other.#clocks) {
      const known = this.#clocks.get(client) ?? 0;
      if (clock <= known) continue;
      const theirs = other.#logs.get(client);
      if (theirs === undefined) {
        this.#isKnown &&= other.#isKnown;
        this.#logs.get(client)?.add(clock, setHome(home, HOME.root, 0, 0));
      } else {
        this.#logOf(client, known).follow(theirs);
      }
    }
  }

  /** The same over other clocks. */
  clone(clocks: Clocks): HomeMap {
    const copy = new HomeMap(clocks, this.#isKnown);
    for (const [client, log] of this.#logs) copy.#logs.set(client, log.clone());
    return copy;
  }

  /** For each of `clients`, its log with the length before it; 0 for none. */
  encode(encoder: encoding.Encoder, clients: readonly number[]): void {
    for (const client of clients) {
      const log = this.#logs.get(client);
      if (log === undefined) encoding.writeVarUint(encoder, 0);
      else log.encode(encoder);
    }
  }

  /** What `encode` wrote for the clients of `clocks`, or null. @throws Error for damaged bytes */
  static decode(decoder: decoding.Decoder, clocks: Clocks): HomeMap | null {
    const map = new HomeMap(clocks, true);
    for (const [client, clock] of clocks) {
      const bytes = decoding.readVarUint8Array(decoder);
      if (bytes.length === 0) continue;
      const log = HomeLog.decode(bytes, client, clock);
      if (log === null) return null;
      map.#logs.set(client, log);
    }
    return map;
  }

  /** The log of a client, who is known up to its clock or, if that is further, to `start`. */
  #logOf(client: number, start: number): HomeLog {
    let log = this.#logs.get(client);
    if (log === undefined) {
      log = new HomeLog(client);
      const home = setHome(newHome(), this.#isKnown ? HOME.root : HOME.unknown, 0, 0);
      log.add(Math.max(start, this.#clocks.get(client) ?? 0), home);
      this.#logs.set(client, log);
    }
    return log;
  }
}
