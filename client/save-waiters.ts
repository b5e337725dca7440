/** Who waits for `whenSaved()`, and until which version. */

/** Why `whenSaved()` gave up: `closed` by the server for good, or the provider was `destroyed`. */
export class NotSavedError extends Error {
  override readonly name = 'NotSavedError';
  readonly code: 'closed' | 'destroyed';
  constructor(code: 'closed' | 'destroyed', message: string) {
    super(message);
    this.code = code;
  }
}

interface SaveWaiter {
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: NotSavedError) => void;
}

export class SaveWaiters {
  #waiters: SaveWaiter[] = [];

  async wait(version: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ version, resolve, reject });
    });
  }

  /** Everything up to `version` is durable. */
  saved(version: number): void {
    const saved = this.#waiters.filter((waiter) => waiter.version <= version);
    if (saved.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.version > version);
    for (const waiter of saved) waiter.resolve();
  }

  reject(error: NotSavedError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

export function destroyedError(): NotSavedError {
  return new NotSavedError('destroyed', 'the provider was destroyed with unsaved changes');
}
