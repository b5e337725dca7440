/**
 * The one clock of a simulated world: a heap of callbacks, run in order of their time and, at the same time, of their
 * making. Between two callbacks all promises settle and nothing else happens, so a run depends on its seed alone.
 *
 * Every process of the world (a node, an editor) has timers of its own (`Scope`): a crash ends them all, a process that
 * hangs finds everything that was due when it goes on, late and in order.
 */
import type { TimerHandle, Timers } from '../../server/rooms/timers.ts';

interface Entry extends TimerHandle {
  atMs: number;
  order: number;
  readonly callback: () => void;
  readonly scope: Scope | null;
  isCancelled: boolean;
}

/** Callbacks for one visit of the event loop: immediates are run in a row, with their promises in between. */
const STEPS = 64;
/** More in one run than any honest schedule has: something is going round in circles. */
const STEPS_MAX = 2_000_000;
const GRID_PER_MS = 1_024;
/** A wall clock that begins here, so that times in records look like times. */
export const EPOCH_MS = 1_700_000_000_000;

export class Scheduler {
  #nowMs = 0;
  #order = 0;
  #steps = 0;
  readonly #heap: Entry[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that have run. */
  get steps(): number {
    return this.#steps;
  }

  /** Of the world itself: never crashes. */
  after(delayMs: number, callback: () => void): TimerHandle {
    return this.add(delayMs, callback, null);
  }

  scope(): Scope {
    return new Scope(this);
  }

  add(delayMs: number, callback: () => void, scope: Scope | null): TimerHandle {
    const atMs = onGrid(this.#nowMs + Math.max(0, delayMs));
    const entry: Entry = { atMs, order: (this.#order += 1), callback, scope, isCancelled: false };
    this.#push(entry);
    return entry;
  }

  /** What came due while its process hung: runs now, in order. */
  again(entries: readonly TimerHandle[]): void {
    for (const handle of entries) {
      const entry = handle as Entry;
      entry.atMs = this.#nowMs;
      entry.order = this.#order += 1;
      this.#push(entry);
    }
  }

  cancel(handle: TimerHandle): void {
    (handle as Entry).isCancelled = true;
  }

  /** Runs what is due within the next `ms`. */
  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /** Runs until `isDone` (asked at every multiple of `everyMs`), `msMax` at most. True: it is. */
  async runUntil(isDone: () => boolean, msMax: number, everyMs: number = 50): Promise<boolean> {
    const endMs = onGrid(this.#nowMs + msMax);
    let lookMs = this.#nowMs;
    return await new Promise((resolve, reject) => {
      let result: boolean | null = null;
      let left = 0;
      const step = (): void => {
        left -= 1;
        if (result !== null) return;
        try {
          const next = this.#peek();
          const nextMs = Math.min(next?.atMs ?? endMs, endMs);
          while (lookMs <= nextMs) {
            if (isDone()) result = true;
            lookMs += everyMs;
            if (result !== null) break;
          }
          if (result === null && (next === null || next.atMs > endMs)) {
            this.#nowMs = endMs;
            result = isDone();
          }
          if (result !== null) {
            resolve(result);
            return;
          }
          this.#step();
        } catch (error) {
          result = false;
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        if (left === 0) more();
      };
      const more = (): void => {
        left = STEPS;
        for (let index = 0; index < STEPS; index += 1) setImmediate(step);
      };
      more();
    });
  }

  #step(): void {
    const entry = this.#pop();
    if (entry === null) return;
    this.#nowMs = Math.max(this.#nowMs, entry.atMs);
    this.#steps += 1;
    if (this.#steps > STEPS_MAX) throw new Error('the world goes round in circles');
    if (entry.scope === null) entry.callback();
    else if (entry.scope.holds(entry)) return;
    else entry.callback();
  }

  #peek(): Entry | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      if (!first.isCancelled && first.scope?.isEnded !== true) return first;
      this.#pop();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (isBefore(above, entry)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Entry)) child += 1;
      const below = heap[child] as Entry;
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** Sums of times on it are exact: what was meant for the same moment keeps its order. */
function onGrid(ms: number): number {
  return Math.round(ms * GRID_PER_MS) / GRID_PER_MS;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The timers of one process. */
export class Scope implements Timers {
  readonly #scheduler: Scheduler;
  #isEnded = false;
  #isHanging = false;
  #held: Entry[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isHanging(): boolean {
    return this.#isHanging;
  }

  now(): number {
    return this.#scheduler.nowMs;
  }

  /** As `Date.now` tells it. */
  wallClock(): number {
    return EPOCH_MS + Math.floor(this.#scheduler.nowMs);
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.#scheduler.add(delayMs, callback, this);
  }

  clearTimeout(handle: TimerHandle): void {
    this.#scheduler.cancel(handle);
  }

  setImmediate(callback: () => void): void {
    this.#scheduler.add(0, callback, this);
  }

  /** Nothing of it ever runs again. */
  end(): void {
    this.#isEnded = true;
    this.#held = [];
  }

  hang(): void {
    this.#isHanging = true;
  }

  goOn(): void {
    this.#isHanging = false;
    const held = this.#held.filter((entry) => !entry.isCancelled);
    this.#held = [];
    this.#scheduler.again(held);
  }

  /** For the scheduler: true when the callback must not run now. */
  holds(entry: TimerHandle): boolean {
    if (this.#isEnded) return true;
    if (this.#isHanging) this.#held.push(entry as Entry);
    return this.#isHanging;
  }
}
