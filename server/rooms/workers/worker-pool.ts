/**
 * The threads in which documents are loaded, scanned and tried: all that could take longer than a few
 * milliseconds. A typed shell around piscina and worker-tasks.ts.
 *
 * Bounds: so many threads, so many tasks waiting, a deadline for each task, a heap for each thread. A deadline
 * kills the thread: nothing else stops a synchronous loop. Compactions have threads of their own, so that an
 * update that a client waits for is never behind one. Threads that are idle go.
 *
 * Whatever is passed in stays the caller's: bytes are copied once, and the copy is handed to the thread.
 */
import { Piscina } from 'piscina';
import type { Compaction, Quarantined, StoredParts, Trial } from './compaction.ts';
import { Lane } from './lane.ts';
import { packParts } from './packed-parts.ts';
import { createProgress, slowestUpdate } from './progress.ts';
import type { Division } from '../updates/assembly.ts';
import type { SectionRest, UpdateSection } from '../updates/outline.ts';
import type { ScanResult, Trust } from '../updates/scan.ts';
import { WorkerError } from './worker-error.ts';
import type {
  CompactTask,
  DiffTask,
  DivideTask,
  HeadTask,
  IntegrablePartTask,
  OutlinesTask,
  ScanTask,
  TrialTask,
} from './worker-tasks.ts';

import type { ViewTasks } from './view-tasks.ts';

export { WorkerError } from './worker-error.ts';

export interface WorkerPoolOptions {
  /**
   * At least two are used: one for compactions, one for what sessions wait for. Rendering, comparing and restoring
   * for single readers have one more.
   */
  readonly threadsMax: number;
  /** Tasks that wait for a thread, over all threads. */
  readonly queueMax: number;
  /** JavaScript heap of one thread, MiB. Buffers are not in it; they are bounded by the frames' size. */
  readonly heapMiBMax?: number;
}

/** A 64 MiB update is scanned in under a second; ten is a machine in trouble. */
const SCAN_TIMEOUT_MS = 10_000;
/** Diffing copies bytes of a base of at most DOCUMENT_BYTES_MAX. */
const DIFF_TIMEOUT_MS = 30_000;
/** Starting a thread and loading Yjs in it takes 100–200 ms here, several times that on a busy machine. */
const THREAD_START_MS = 2_000;
/** An idle thread keeps the heap of the last document it loaded: 100 MB and more. Starting one costs 0.1–0.2 s. */
const THREAD_IDLE_MS = 1_000;
const HEAP_MIB_MAX = 1_024;

/** Updates that one compaction may give up on for being too slow; each costs a deadline. */
const SLOW_UPDATES_MAX = 3;
/** Honest updates integrate at 5–10 MB/s; a fifth of that, and a pause of the machine, is still honest. */
const HONEST_BYTES_PER_MS = 1_024;
const HONEST_PAUSE_MS = 250;

/**
 * A thread that is ended while Node loads an ES module for `require` takes the whole process with it (Node 20.20, fatal error
 * `IsGraphAsync must be used on an instantiated module`: 2 of 2,400 pools that were closed while a thread of theirs started,
 * none of 6,400 since). Piscina tries `require` first, and then `import`, which can be ended at any time. The process's own flags are not repeated:
 * those of V8 hold anyway, and a thread is refused that names them.
 */
const LOADED_BY_IMPORT: readonly string[] = process.allowedNodeEnvironmentFlags.has(
  '--experimental-require-module',
)
  ? ['--no-experimental-require-module']
  : [];

interface Tasks extends ViewTasks {
  scan: { task: ScanTask; result: ScanResult };
  compact: { task: CompactTask; result: Compaction };
  trial: { task: TrialTask; result: Trial };
  headOf: { task: HeadTask; result: Uint8Array };
  diff: { task: DiffTask; result: readonly Uint8Array[] };
  integrablePart: { task: IntegrablePartTask; result: Uint8Array | null };
  outlines: { task: OutlinesTask; result: readonly (readonly UpdateSection[])[] };
  divide: { task: DivideTask; result: readonly SectionRest[] };
}

/** What rooms ask of it; the simulation, where threads would bring chance in, does the same in turn. */
export type Workers = Pick<
  WorkerPool,
  'scan' | 'compact' | 'trial' | 'headOf' | 'diff' | 'integrablePart' | 'outlines' | 'divide'
>;

const VIEWS: ReadonlySet<keyof Tasks> = new Set(['render', 'compareTexts', 'restore'] as const);

export class WorkerPool {
  readonly #piscina: Piscina;
  /** What sessions wait for. */
  readonly #quick: Lane;
  /** Compactions. */
  readonly #slow: Lane;
  /** What one reader waits for: it must not hold up those who edit. */
  readonly #views: Lane;
  #running = 0;
  #isClosed = false;

  constructor({ threadsMax, queueMax, heapMiBMax = HEAP_MIB_MAX }: WorkerPoolOptions) {
    const slow = Math.max(1, Math.floor(threadsMax / 2));
    const quick = Math.max(1, threadsMax - slow);
    this.#quick = new Lane(quick, queueMax);
    this.#slow = new Lane(slow, queueMax);
    this.#views = new Lane(1, queueMax);
    this.#piscina = new Piscina({
      // Always the built file: nodes and tests run from dist/.
      filename: new URL('./worker-tasks.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: quick + slow + 1,
      idleTimeout: THREAD_IDLE_MS,
      execArgv: [...LOADED_BY_IMPORT],
      resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
    });
    // A thread that dies without a task has nobody to tell; the next task starts a new one.
    this.#piscina.on('error', () => undefined);
  }

  /** Tasks that wait for a thread. */
  get waiting(): number {
    return this.#quick.waiting + this.#slow.waiting + this.#views.waiting;
  }

  /** @throws WorkerError */
  async scan(update: Uint8Array, trust: Trust = 'client'): Promise<ScanResult> {
    const copy = new Uint8Array(update);
    return await this.#run('scan', { update: copy, trust }, [copy], SCAN_TIMEOUT_MS);
  }

  /**
   * A new base. Updates that Yjs refuses, or that alone take so long that the deadline passes, are named in
   * `quarantined`; each of the latter costs another `timeoutMs`.
   * @throws WorkerError; `deadline` when no single update is to blame
   */
  async compact(parts: StoredParts, timeoutMs: number): Promise<Compaction> {
    const excluded: Quarantined[] = [];
    for (;;) {
      const progress = createProgress();
      const packed = packParts(parts);
      try {
        const task = { parts: packed, excluded, progress };
        return await this.#run('compact', task, [packed.bytes], timeoutMs);
      } catch (error) {
        const slow = isDeadline(error) ? slowestUpdate(progress) : null;
        if (slow === null || excluded.length >= SLOW_UPDATES_MAX) throw error;
        const bytes = parts.tail[slow.index]?.byteLength ?? 0;
        if (slow.durationMs < HONEST_PAUSE_MS + bytes / HONEST_BYTES_PER_MS) throw error;
        excluded.push({ index: slow.index, reason: 'too-slow' });
      }
    }
  }

  /** Whether Yjs takes an update in time. Running into the deadline is an answer, not an error. */
  async trial(
    task: StoredParts & { readonly update: Uint8Array },
    timeoutMs: number,
  ): Promise<Trial> {
    const parts = packParts(task);
    const update = new Uint8Array(task.update);
    try {
      return await this.#run('trial', { parts, update }, [parts.bytes, update], timeoutMs);
    } catch (error) {
      if (isDeadline(error)) return { ok: false, reason: 'deadline', durationMs: timeoutMs };
      throw error;
    }
  }

  /** The head of a base that was stored without one that says all. @throws WorkerError */
  async headOf(chunks: readonly Uint8Array[]): Promise<Uint8Array> {
    const parts = packParts({ chunks, tail: [] });
    return await this.#run('headOf', { parts }, [parts.bytes], DIFF_TIMEOUT_MS);
  }

  /** What a client with this (encoded) state vector lacks, in chunks. @throws WorkerError */
  async diff(parts: StoredParts, stateVector: Uint8Array): Promise<readonly Uint8Array[]> {
    const packed = packParts(parts);
    const vector = new Uint8Array(stateVector);
    const task = { parts: packed, stateVector: vector };
    return await this.#run('diff', task, [packed.bytes, vector], DIFF_TIMEOUT_MS);
  }

  /** What of an update with gaps a room at this (encoded) version can integrate now. @throws WorkerError */
  async integrablePart(update: Uint8Array, version: Uint8Array): Promise<Uint8Array | null> {
    const copies = { update: new Uint8Array(update), version: new Uint8Array(version) };
    return await this.#run(
      'integrablePart',
      copies,
      [copies.update, copies.version],
      SCAN_TIMEOUT_MS,
    );
  }

  /** Where what lies in each of these updates. @throws WorkerError */
  async outlines(updates: readonly Uint8Array[]): Promise<readonly (readonly UpdateSection[])[]> {
    const parts = packParts({ chunks: [], tail: updates });
    return await this.#run('outlines', { parts }, [parts.bytes], SCAN_TIMEOUT_MS);
  }

  /** Finds the structs at which sections are divided. @throws WorkerError */
  async divide(divisions: readonly Division[]): Promise<readonly SectionRest[]> {
    const copies = divisions.map((division) => ({
      ...division,
      bytes: new Uint8Array(division.bytes),
    }));
    const buffers = copies.map(({ bytes }) => bytes);
    return await this.#run('divide', { divisions: copies }, buffers, SCAN_TIMEOUT_MS);
  }

  /** A task that loads whole documents for one reader; `buffers` are handed over to it. @throws WorkerError */
  async view<Name extends keyof ViewTasks>(
    name: Name,
    task: ViewTasks[Name]['task'],
    buffers: readonly Uint8Array<ArrayBuffer>[],
    timeoutMs: number,
  ): Promise<ViewTasks[Name]['result']> {
    return await this.#run(name, task, buffers, timeoutMs);
  }

  /** Ends all threads at once; what runs or waits is rejected with `closed`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#quick.close();
    this.#slow.close();
    this.#views.close();
    await this.#piscina.destroy();
  }

  #laneOf(name: keyof Tasks): Lane {
    if (VIEWS.has(name)) return this.#views;
    return name === 'compact' ? this.#slow : this.#quick;
  }

  async #run<Name extends keyof Tasks>(
    name: Name,
    task: Tasks[Name]['task'],
    buffers: readonly Uint8Array<ArrayBuffer>[],
    timeoutMs: number,
  ): Promise<Tasks[Name]['result']> {
    const lane = this.#laneOf(name);
    await lane.enter();
    const isCold = this.#piscina.threads.length <= this.#running;
    this.#running++;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs + (isCold ? THREAD_START_MS : 0));
    try {
      // The lanes keep the rest away: piscina itself never has more tasks than threads. Its own queue may stall
      // when a deadline kills the only thread.
      const result: unknown = await this.#piscina.run(task, {
        name,
        signal: deadline.signal,
        transferList: buffers.map((bytes) => bytes.buffer),
      });
      return result as Tasks[Name]['result'];
    } catch (error) {
      if (this.#isClosed) throw new WorkerError('closed', { cause: error });
      if (deadline.signal.aborted) throw new WorkerError('deadline', { cause: error });
      throw new WorkerError('worker-failed', { cause: error });
    } finally {
      clearTimeout(timer);
      this.#running--;
      lane.leave();
    }
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof WorkerError && error.code === 'deadline';
}
