/** Versions of a document that were kept (`…/snapshots`). */
import * as Y from 'yjs';
import { ERRORS } from '../../../server/protocol/errors.ts';
import { refusalOf, type Rest } from '../../rest.ts';

export interface Snapshot {
  readonly id: string;
  readonly label: string | null;
  readonly createdAt: string;
  readonly author: string;
  readonly bytes: number;
}

export class Snapshots {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    this.#rest = rest;
  }

  /** Newest first. */
  async list(): Promise<readonly Snapshot[]> {
    const found: Snapshot[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const response = await this.#send(`/snapshots?limit=200${query}`);
      const page = (await response.json()) as { snapshots: Snapshot[]; cursor: string | null };
      found.push(...page.snapshots);
      ({ cursor } = page);
    } while (cursor !== null);
    return found;
  }

  async keep(label: string | null): Promise<void> {
    await this.#send('/snapshots', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(label === null ? {} : { label }),
    });
  }

  /** The document as it was; the caller destroys it. */
  async state(id: string): Promise<Y.Doc> {
    const response = await this.#send(`/snapshots/${encodeURIComponent(id)}`, {
      headers: { Accept: 'application/octet-stream' },
    });
    const doc = new Y.Doc();
    Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
    return doc;
  }

  async restore(id: string): Promise<void> {
    await this.#send(`/snapshots/${encodeURIComponent(id)}/restore`, { method: 'POST' });
  }

  async #send(path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await this.#rest.request(path, init);
    } catch {
      throw new Error('the server cannot be reached.');
    }
    if (response.ok) return response;
    const { code } = await refusalOf(response);
    throw new Error(code === null ? 'the server did not answer.' : ERRORS[code].meaning);
  }
}
