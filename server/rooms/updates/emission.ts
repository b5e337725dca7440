/**
 * The order in which the structs of an update can be integrated: each after those it names. One section is
 * one client's run of structs, which follow each other; between sections there are edges "this struct needs
 * that clock of another client". Linear in the number of edges, whatever they look like.
 *
 * The walk is the one Yjs makes: emit a section until it needs another one, go there, come back. A section
 * that needs one which is waiting for it further down the stack is in a cycle.
 */

export interface Section {
  readonly client: number;
  /** First clock, and the clock after the last struct. */
  readonly start: number;
  readonly end: number;
  /** How many structs. */
  readonly count: number;
}

/**
 * Edges of all sections, those of one section together and in the order of its structs. Kept as flat lists: an
 * update of 15 MB has a million of them.
 */
export class Edges {
  readonly #structs: number[] = [];
  readonly #structClocks: number[] = [];
  readonly #clients: number[] = [];
  readonly #clocks: number[] = [];
  readonly #sectionStarts: number[] = [];
  /** What the current section already needs, by client: a weaker need later on adds nothing. */
  #strongest: Map<number, number> = new Map();

  startSection(): void {
    this.#sectionStarts.push(this.#structs.length);
    if (this.#strongest.size > 0) this.#strongest = new Map();
  }

  /** The `struct`-th struct of the current section, which starts at `structClock`, names (client, clock). */
  add(struct: number, structClock: number, client: number, clock: number): void {
    const known = this.#strongest.get(client);
    if (known !== undefined && known >= clock) return;
    this.#strongest.set(client, clock);
    this.#structs.push(struct);
    this.#structClocks.push(structClock);
    this.#clients.push(client);
    this.#clocks.push(clock);
  }

  get count(): number {
    return this.#structs.length;
  }

  sectionStart(section: number): number {
    return this.#sectionStarts[section] ?? this.#structs.length;
  }

  struct(edge: number): number {
    return this.#structs[edge] as number;
  }

  structClock(edge: number): number {
    return this.#structClocks[edge] as number;
  }

  client(edge: number): number {
    return this.#clients[edge] as number;
  }

  clock(edge: number): number {
    return this.#clocks[edge] as number;
  }
}

/** What an edge points at: something known already, something that never comes, or the section to wait for. */
export const KNOWN = -1;
export const NEVER = -2;

export interface EmissionPlan {
  readonly sections: readonly Section[];
  readonly edges: Edges;
  /** `KNOWN`, `NEVER`, or the index of the section that holds (client, clock). */
  readonly locate: (client: number, clock: number) => number;
  /** Structs `from` up to (not including) `to` of a section come next. */
  readonly emit?: (section: number, from: number, to: number) => void;
}

/**
 * Emits all that can be emitted. Returns, per section, the clock up to which it was: less than its end when
 * it needs something that never comes, directly or through others, or is part of a cycle.
 */
export function emitInOrder({ sections, edges, locate, emit }: EmissionPlan): readonly number[] {
  const reached = sections.map((section) => section.start);
  const emitted = sections.map(() => 0);
  const cursors = sections.map((_, index) => edges.sectionStart(index));
  const isStuck = new Uint8Array(sections.length);
  const isWaiting = new Uint8Array(sections.length);

  const advance = (index: number, clock: number, struct: number): void => {
    const from = emitted[index] as number;
    reached[index] = clock;
    emitted[index] = struct;
    if (struct > from) emit?.(index, from, struct);
  };

  // The sections that wait for one another, and the clock that each is to pass.
  const stack: number[] = [];
  const goals: number[] = [];
  for (const [top, { end }] of sections.entries()) {
    if (isStuck[top] === 1 || (reached[top] as number) >= end) continue;
    stack.push(top);
    goals.push(end);
    isWaiting[top] = 1;
    while (stack.length > 0) {
      const index = stack.at(-1) as number;
      const next = waitsFor(index, goals.at(-1) as number);
      if (next === null) {
        stack.pop();
        goals.pop();
        isWaiting[index] = 0;
      } else {
        stack.push(next.section);
        goals.push(next.clock);
        isWaiting[next.section] = 1;
      }
    }
  }
  return reached;

  /** Emits a section until it has passed `goal`, is stuck, or has to wait for the section returned. */
  function waitsFor(index: number, goal: number): { section: number; clock: number } | null {
    const section = sections[index] as Section;
    const stop = edges.sectionStart(index + 1);
    if (isStuck[index] === 1) return null;
    for (let edge = cursors[index] as number; edge < stop; edge++) {
      cursors[index] = edge;
      const structClock = edges.structClock(edge);
      if (goal < structClock) {
        advance(index, structClock, edges.struct(edge));
        return null;
      }
      const clock = edges.clock(edge);
      const target = locate(edges.client(edge), clock);
      if (target === KNOWN || (target >= 0 && clock < (reached[target] as number))) continue;
      advance(index, structClock, edges.struct(edge));
      if (target === NEVER || isStuck[target] === 1 || isWaiting[target] === 1) {
        isStuck[index] = 1;
        return null;
      }
      return { section: target, clock };
    }
    cursors[index] = stop;
    advance(index, section.end, section.count);
    return null;
  }
}

/** Finds sections by client. A client has several only in an update with Skips, and then in order of clock. */
export class SectionIndex {
  readonly #byClient: Map<number, number[]> = new Map();
  readonly #sections: readonly Section[];

  constructor(sections: readonly Section[]) {
    this.#sections = sections;
    for (const [index, { client }] of sections.entries()) {
      const own = this.#byClient.get(client);
      if (own === undefined) this.#byClient.set(client, [index]);
      else own.push(index);
    }
  }

  startOf(section: number): number {
    return (this.#sections[section] as Section).start;
  }

  /** The section that holds (client, clock), or -1. */
  find(client: number, clock: number): number {
    const own = this.#byClient.get(client);
    if (own === undefined) return -1;
    let low = 0;
    let high = own.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const index = own[middle] as number;
      const section = this.#sections[index] as Section;
      if (clock < section.start) high = middle - 1;
      else if (clock >= section.end) low = middle + 1;
      else return index;
    }
    return -1;
  }
}
