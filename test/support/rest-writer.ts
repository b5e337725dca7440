/** Somebody who writes a document over REST and reads nothing: no room is opened by it anywhere else. */
import * as Y from 'yjs';
import { Rest, pathOf } from './rest.ts';

export class RestWriter {
  readonly doc: Y.Doc = new Y.Doc();
  readonly #rest: Rest;
  readonly #path: string;

  /** `query`: of every write, as `?durability=replicated`. */
  constructor(node: { readonly url: string }, document: string, query: string = '') {
    this.#rest = new Rest(node.url);
    this.#path = `${pathOf(document)}/updates${query}`;
  }

  /** Resolves when it is durable. @throws Error when it was not taken */
  async edit(change: (text: Y.Text) => void): Promise<void> {
    const before = Y.encodeStateVector(this.doc);
    change(this.doc.getText('text'));
    const update = Y.encodeStateAsUpdate(this.doc, before);
    const { status, text } = await this.#rest.post(this.#path, update);
    if (status >= 300) throw new Error(`${this.#path}: ${status} ${text}`);
  }
}
