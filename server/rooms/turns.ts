/** What concerns one document is done one after another, in the order of the calls. */
import type { DocumentName } from '../protocol/document-name.ts';

export class Turns {
  /** The last that was asked for, of documents for which something is under way. */
  readonly #last = new Map<DocumentName, Promise<unknown>>();

  /** Whoever comes next waits for the end of `work`, good or bad. */
  async take<Result>(name: DocumentName, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(work);
    const end = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, end);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === end) this.#last.delete(name);
    }
  }
}
