/**
 * Reads a Yjs V1 update without building it: exact consumption, every content validated as strictly as Yjs
 * would throw and stricter where Yjs is lenient to its own harm, and a summary that says what the update adds,
 * deletes and needs. Knows nothing of any document; that is check.ts. Never throws on hostile bytes.
 *
 * `Y.decodeUpdate` would allocate an object for each struct, twice as many ids, and accepts what must be
 * refused: zero lengths, trailing bytes, a V2 update, ids in the future.
 */
import { UPDATE_LIMITS } from '../../protocol/index.ts';
import { KNOWN, Edges, SectionIndex, emitInOrder, type Section } from './emission.ts';
import { HomeNotes, NO_HOMES, type HomeSummary } from './home-notes.ts';
import { Needs } from './needs.ts';
import { Placements } from './placement.ts';
import { Refusal, refuse, type RefusalCode } from './refusal.ts';
import { RootNames } from './root-names.ts';
import { NO_CLIENT, REF, StructReader } from './struct-reader.ts';

/** What an update adds, deletes and needs. Plain lists, so that it crosses threads cheaply. */
export interface UpdateSummary {
  /** Length of the update. */
  readonly bytes: number;
  readonly structs: number;
  /** [client, start, end, …]: runs of structs. A client has several only around a Skip. */
  readonly sections: readonly number[];
  /** [client, clock, …]: what must be known of clients before this can be integrated; clock exclusive. */
  readonly needs: readonly number[];
  /** [client, clock, length, …]: the delete set. */
  readonly deletes: readonly number[];
  /** [client, start, end, …]: structs that arrive deleted. They delete only what was not known before. */
  readonly tombstones: readonly number[];
  /** Where the items lie, and what of that must be looked at; nothing in an update with Skips, which is a gap. */
  readonly homes: HomeSummary;
  /** Items whose place Yjs may have to search for, see placement.ts; 0 for small updates. */
  readonly conflicts: number;
  /** Different root types that are named, at most. */
  readonly rootTypes: number;
  /** Who vouches for it: forgeries are refused from clients, and tolerated in what is stored. */
  readonly trust: Trust;
  /** Its sender lacks something itself: it has structs that wait for what is left out here. */
  readonly hasSkips: boolean;
}

export type ScanResult =
  | { readonly isValid: true; readonly summary: UpdateSummary }
  | { readonly isValid: false; readonly code: RefusalCode };

/**
 * `client`: bytes from outside, all limits apply. `stored`: what this or an older server accepted before;
 * limits of policy do not apply, what Yjs cannot take is refused all the same.
 */
export type Trust = 'client' | 'stored';

export interface ScanRules {
  readonly trust: Trust;
  readonly contentDepthMax: number;
  readonly allowsProtoKey: boolean;
  readonly structsMax: number;
  readonly deleteRangesMax: number;
  readonly clientsMax: number;
  readonly rootTypesMax: number;
}

export const SCAN_RULES: Readonly<Record<Trust, ScanRules>> = {
  client: { ...UPDATE_LIMITS, trust: 'client', allowsProtoKey: false },
  stored: {
    trust: 'stored',
    // Reading is recursive; 1,000 levels of it fit every stack.
    contentDepthMax: 1_000,
    allowsProtoKey: true,
    structsMax: Infinity,
    deleteRangesMax: Infinity,
    clientsMax: Infinity,
    rootTypesMax: Infinity,
  },
};

/** Below this many structs even the worst placement costs a few milliseconds: not worth estimating. */
const ESTIMATE_STRUCTS_MIN = 64;

const NONE: readonly number[] = Object.freeze([]);

export function scan(bytes: Uint8Array, trust: Trust = 'client'): ScanResult {
  try {
    return { isValid: true, summary: summarise(bytes, SCAN_RULES[trust]) };
  } catch (error) {
    if (error instanceof Refusal) return { isValid: false, code: error.code };
    throw error;
  }
}

function summarise(bytes: Uint8Array, rules: ScanRules): UpdateSummary {
  const reader = new StructReader(bytes, rules);
  // The smallest section is a count, a client, a clock and a struct of two bytes.
  const sections = reader.count(5);
  if (sections > rules.clientsMax) refuse('too-many-clients');
  const walk = new Walk(reader, rules, sections);
  for (let left = sections; left > 0; left--) walk.section();
  const deletes = readDeletes(reader, rules);
  if (reader.pos !== reader.end) refuse('trailing');
  return walk.summary(deletes);
}

/** The state of one pass over the structs of an update. */
class Walk {
  readonly #reader: StructReader;
  readonly #rules: ScanRules;
  readonly #sections: number[] = [];
  readonly #tombstones: number[] = [];
  readonly #needs: Needs = new Needs();
  /** Only with several sections: with one, all other clients are outside the update. */
  readonly #edges: Edges | null;
  readonly #seen: Set<number> | null;
  #placements: Placements | null = null;
  #homes: HomeNotes | null = null;
  #section = -1;
  readonly #roots: RootNames = new RootNames();
  #structs = 0;
  #hasSkips = false;

  constructor(reader: StructReader, rules: ScanRules, sections: number) {
    this.#reader = reader;
    this.#rules = rules;
    this.#edges = sections > 1 ? new Edges() : null;
    this.#seen = sections > 1 ? new Set() : null;
  }

  section(): void {
    const reader = this.#reader;
    const count = reader.count(2);
    if (count === 0) refuse('malformed');
    this.#structs += count;
    if (this.#structs > this.#rules.structsMax) refuse('too-many-structs');
    if (this.#structs >= ESTIMATE_STRUCTS_MIN) this.#placements ??= new Placements();
    this.#placements?.expect(count);
    const client = reader.client();
    if (this.#seen?.has(client) === true) refuse('duplicate-client');
    this.#seen?.add(client);
    this.#edges?.startSection();

    let clock = reader.clock();
    this.#section++;
    this.#homes?.startSection(this.#section, client, clock);
    const sectionStart = clock;
    let runStart = clock;
    let struct = 0;
    for (let left = count; left > 0; left--) {
      reader.next();
      const end = clock + reader.length;
      if (end > UPDATE_LIMITS.clockMax) refuse('huge-length');
      if (reader.ref === REF.skip) {
        this.#hasSkips = true;
        if (clock > runStart) this.#sections.push(client, runStart, clock);
        runStart = end;
      } else {
        if (reader.ref <= REF.deleted) {
          this.#tombstones.push(client, clock, end);
        }
        if (reader.ref !== REF.gc) this.#names(client, clock, struct);
        if (this.#homes === null && !isTypedOn(reader, client, clock)) {
          this.#homes = new HomeNotes();
          this.#homes.startSection(this.#section, client, sectionStart);
        }
        this.#homes?.add(reader, clock, end);
        this.#placements?.add(reader, client, clock);
      }
      clock = end;
      struct++;
    }
    if (clock > runStart) this.#sections.push(client, runStart, clock);
  }

  /** Takes down what the struct just read depends on. */
  #names(client: number, clock: number, struct: number): void {
    const reader = this.#reader;
    if (reader.originClient !== NO_CLIENT) {
      this.#name(client, clock, struct, reader.originClient, reader.originClock);
    }
    if (reader.rightClient !== NO_CLIENT) {
      // Yjs fetches the left neighbour, then splits it where the right one begins: replicas that had it in
      // one piece and those that had it in two then differ for ever.
      if (reader.rightClient === reader.originClient && reader.rightClock === reader.originClock) {
        refuse('bad-origin');
      }
      this.#name(client, clock, struct, reader.rightClient, reader.rightClock);
    }
    if (reader.parentClient !== NO_CLIENT) {
      this.#name(client, clock, struct, reader.parentClient, reader.parentClock);
    } else if (reader.isRootChild) {
      this.#roots.add(reader.bytes, reader.placeStart, reader.rootStop);
      if (this.#roots.count > this.#rules.rootTypesMax) refuse('root-types');
    }
  }

  #name(client: number, clock: number, struct: number, named: number, namedClock: number): void {
    if (named === client) {
      // Yjs looks up a client's own ids without asking whether they exist, and throws.
      if (namedClock >= clock) refuse('bad-origin');
    } else if (this.#edges === null) {
      this.#needs.add(named, namedClock + 1);
    } else {
      this.#edges.add(struct, clock, named, namedClock);
    }
  }

  summary(deletes: readonly number[]): UpdateSummary {
    const index = this.#edges === null ? null : this.#resolve(this.#edges);
    const homes = this.#hasSkips ? undefined : this.#homes?.summary(index);
    return {
      bytes: this.#reader.end,
      structs: this.#structs,
      sections: this.#sections,
      needs: this.#needs.list,
      deletes,
      tombstones: this.#tombstones.length === 0 ? NONE : this.#tombstones,
      homes: homes ?? NO_HOMES,
      conflicts: this.#placements?.conflicts ?? 0,
      rootTypes: this.#roots.count,
      trust: this.#rules.trust,
      hasSkips: this.#hasSkips,
    };
  }

  /** Tells the needs that the update itself meets from those that it brings along; the former must not circle. */
  #resolve(edges: Edges): SectionIndex {
    const sections = sectionsOf(this.#sections);
    const index = new SectionIndex(sections);
    for (let edge = 0; edge < edges.count; edge++) {
      const client = edges.client(edge);
      const clock = edges.clock(edge);
      if (index.find(client, clock) === -1) this.#needs.add(client, clock + 1);
    }
    // Around a Skip edges belong to no single run; such an update is never integrated as it is.
    if (this.#hasSkips || edges.count === 0) return index;
    const locate = (client: number, clock: number): number => {
      const section = index.find(client, clock);
      return section === -1 ? KNOWN : section;
    };
    const reached = emitInOrder({ sections, edges, locate });
    if (sections.some((section, at) => (reached[at] as number) < section.end)) refuse('cycle');
    return index;
  }
}

/** One more character at the end of where its author is: it lies where the one before it does. */
function isTypedOn(reader: StructReader, client: number, clock: number): boolean {
  return (
    reader.originClient === client &&
    reader.originClock === clock - 1 &&
    reader.rightClient === NO_CLIENT &&
    reader.length === 1
  );
}

function sectionsOf(flat: readonly number[]): readonly Section[] {
  const sections: Section[] = [];
  for (let at = 0; at < flat.length; at += 3) {
    const start = flat[at + 1] as number;
    const end = flat[at + 2] as number;
    sections.push({ client: flat[at] as number, start, end, count: end - start });
  }
  return sections;
}

/** The delete set, the last part of an update: [client, clock, length, …]. */
export function readDeletes(reader: StructReader, rules: ScanRules): readonly number[] {
  const clients = reader.count(2);
  if (clients === 0) return NONE;
  if (clients > rules.clientsMax) refuse('too-many-clients');
  const deletes: number[] = [];
  const seen: Set<number> | null = clients > 1 ? new Set() : null;
  let ranges = 0;
  for (let left = clients; left > 0; left--) {
    const client = reader.client();
    if (seen?.has(client) === true) refuse('duplicate-client');
    seen?.add(client);
    const count = reader.count(2);
    ranges += count;
    if (ranges > rules.deleteRangesMax) refuse('too-many-ranges');
    for (let range = count; range > 0; range--) {
      // Not limited by clockMax: what lies beyond is a delete of what does not exist, a gap.
      const clock = reader.varUint();
      const length = reader.varUint();
      if (length === 0) refuse('zero-length');
      if (clock + length > Number.MAX_SAFE_INTEGER) refuse('malformed');
      deletes.push(client, clock, length);
    }
  }
  return deletes;
}
