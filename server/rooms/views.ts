/**
 * Tasks in a worker that load whole documents for one reader, with their deadlines; failures become rows of the
 * error table. Shared by content and history.
 */
import { ProtocolError } from '../protocol/errors.ts';
import { Lane } from './workers/lane.ts';
import type { Comparison } from './workers/compare-texts.ts';
import type { Rendering, RenderRequest } from './workers/render.ts';
import type { CompareTextsTask, Restoration, RestoreTask } from './workers/view-tasks.ts';
import type { PackedState } from './workers/whole-document.ts';
import { WorkerError, type WorkerPool } from './workers/worker-pool.ts';

export interface ViewLimits {
  readonly contentBytesMax: number;
  readonly contentTimeoutMs: number;
  readonly restoreTimeoutMs: number;
}

/** Whole states are copied for a worker: so many callers have copies at a time, so many wait for that. [I6] */
const COPIES_MAX = 2;
const COPIES_WAITING_MAX = 256;

export class Views {
  readonly #workers: Pick<WorkerPool, 'view'>;
  readonly #limits: ViewLimits;
  readonly #lane = new Lane(COPIES_MAX, COPIES_WAITING_MAX);

  constructor(workers: Pick<WorkerPool, 'view'>, limits: ViewLimits) {
    this.#workers = workers;
    this.#limits = limits;
  }

  /** Does something for which whole states have to be held. @throws ProtocolError `overloaded` */
  async holding<Result>(work: () => Promise<Result>): Promise<Result> {
    await inTime(this.#lane.enter());
    try {
      return await work();
    } finally {
      this.#lane.leave();
    }
  }

  /** The states are handed over: their bytes are gone afterwards. While `holding`. @throws ProtocolError */
  async render(
    state: PackedState,
    request: Omit<RenderRequest, 'bytesMax'>,
  ): Promise<Extract<Rendering, { readonly kind: 'rendered' }>> {
    const { contentBytesMax: bytesMax, contentTimeoutMs } = this.#limits;
    const task = { state, request: { ...request, bytesMax } };
    return valid(
      await inTime(this.#workers.view('render', task, [state.bytes], contentTimeoutMs)),
      'rendered',
    );
  }

  /** As `render`. @throws ProtocolError */
  async compareTexts<Form extends 'unified' | 'changes'>(
    task: CompareTextsTask & { readonly request: { readonly form: Form } },
  ): Promise<Extract<Comparison, { readonly kind: Form }>> {
    const buffers = [task.from.bytes, task.to.bytes];
    const { contentTimeoutMs } = this.#limits;
    const comparison = await inTime(
      this.#workers.view('compareTexts', task, buffers, contentTimeoutMs),
    );
    return valid(comparison, task.request.form);
  }

  /** As `render`. Null: the document is like that already. @throws ProtocolError */
  async restore(task: RestoreTask): Promise<Uint8Array | null> {
    const buffers = [task.current.bytes, task.snapshot.bytes];
    const { restoreTimeoutMs } = this.#limits;
    const restoration: Restoration = await inTime(
      this.#workers.view('restore', task, buffers, restoreTimeoutMs),
    );
    return restoration.kind === 'same' ? null : valid(restoration, 'update').update;
  }
}

type Failure = 'wrong-type' | 'too-large' | 'too-deep';

const ERROR_OF = {
  'wrong-type': 'wrong-type',
  'too-large': 'content-too-large',
  // Reading it overflows the stack.
  'too-deep': 'too-expensive',
} as const satisfies Readonly<Record<Failure, string>>;

function valid<Result extends { readonly kind: string }, Kind extends string>(
  result: Result,
  kind: Kind,
): Extract<Result, { readonly kind: Kind }> {
  if (result.kind === kind) return result as Extract<Result, { readonly kind: Kind }>;
  throw new ProtocolError(ERROR_OF[result.kind as Failure]);
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    if (error.code === 'deadline' || isOutOfMemory(error.cause)) {
      throw new ProtocolError('too-expensive');
    }
    // A bug, to be seen as one.
    if (error.code === 'worker-failed') throw error.cause;
    throw new ProtocolError('overloaded');
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
