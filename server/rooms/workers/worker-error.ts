/** Why a task in a worker thread gave no result. The thread, not the document, is what is reported here. */

export type WorkerErrorCode =
  /** It took longer than it was given; its thread was ended. */
  | 'deadline'
  /** The task threw, or its thread died (out of memory). */
  | 'worker-failed'
  /** Too many tasks were waiting already. */
  | 'queue-full'
  /** The pool is closed. */
  | 'closed';

const MESSAGES: Readonly<Record<WorkerErrorCode, string>> = {
  deadline: 'the worker did not finish in time',
  'worker-failed': 'the worker failed',
  'queue-full': 'too many tasks wait for a worker',
  closed: 'the worker pool is closed',
};

export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  readonly code: WorkerErrorCode;
  constructor(code: WorkerErrorCode, options?: ErrorOptions) {
    super(MESSAGES[code], options);
    this.code = code;
  }
}
