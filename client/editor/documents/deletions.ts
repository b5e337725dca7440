/**
 * Deleting can be undone for as long as the message about it stands: the server is told only then, or when the page
 * goes, because there a deletion is for good.
 */
import type { DocumentName } from '../../../server/protocol/document-name.ts';

export interface DeletionEvents {
  /** It is gone, from the server, too. */
  onDone(name: DocumentName): void;
  onFailed(name: DocumentName, error: unknown): void;
}

type Delete = (name: DocumentName, isLeaving: boolean) => Promise<void>;

export class Deletions {
  readonly #delete: Delete;
  readonly #events: DeletionEvents;
  readonly #pending = new Set<DocumentName>();

  constructor(remove: Delete, events: DeletionEvents) {
    this.#delete = remove;
    this.#events = events;
    addEventListener('pagehide', () => {
      for (const name of this.#pending) void this.#run(name, true);
    });
  }

  plan(name: DocumentName): void {
    this.#pending.add(name);
  }

  /** Whether it was in time. */
  undo(name: DocumentName): boolean {
    return this.#pending.delete(name);
  }

  /** The message is gone; nothing happens if it was undone. */
  settle(name: DocumentName): void {
    void this.#run(name, false);
  }

  async #run(name: DocumentName, isLeaving: boolean): Promise<void> {
    if (!this.undo(name)) return;
    try {
      await this.#delete(name, isLeaving);
      this.#events.onDone(name);
    } catch (error) {
      this.#events.onFailed(name, error);
    }
  }
}
