/**
 * Who an editor is to others, and whom it sees: y-protocols' awareness, with the renewal that its clients make every 15 s. One
 * for all connections of an editor, as an application has it: its clock goes on when the editor moves to another node.
 */
import { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';

export class Presence {
  readonly awareness: Awareness;
  readonly #user: string;

  /** Not here yet. Ends with the document. */
  constructor(doc: Y.Doc, user: string) {
    this.#user = user;
    this.awareness = new Awareness(doc);
    this.awareness.setLocalState(null);
  }

  come(): void {
    this.awareness.setLocalState({ user: { name: this.#user } });
  }

  /** Says goodbye, if there is a connection to say it on. */
  leave(): void {
    this.awareness.setLocalState(null);
  }

  /** In order, each once. */
  get users(): readonly string[] {
    const names = [...this.awareness.getStates().values()].flatMap(({ user }) => nameOf(user));
    return [...new Set(names)].toSorted();
  }
}

function nameOf(user: unknown): string[] {
  if (typeof user !== 'object' || user === null || !('name' in user)) return [];
  return typeof user.name === 'string' ? [user.name] : [];
}
