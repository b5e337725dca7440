/** The routes that the page uses beside those of the open document: listing, creating, copying, deleting, renaming. */
import * as Y from 'yjs';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { ERRORS, type ErrorCode } from '../../../server/protocol/errors.ts';
import { syncOnce } from '../../index.ts';
import { refusalOf } from '../../rest.ts';
import type { KeyRing } from '../app/key-ring.ts';
import { metaIn, setTitle, type Kind } from '../document/kind.ts';

export interface ListedDocument {
  readonly name: DocumentName;
  readonly createdAt: string | null;
}

export interface DocumentPage {
  readonly documents: readonly ListedDocument[];
  readonly cursor: string | null;
}

export interface SharedLink {
  readonly token: string;
  readonly expiresAt: string;
}

/** The server refused, or nobody answered (`code` null). The message is for the person at the page. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode | null;
  constructor(code: ErrorCode | null) {
    super(code === null ? 'The server cannot be reached.' : ERRORS[code].meaning);
    this.code = code;
  }
}

const TIMEOUT_MS = 15_000;

export class DocumentsApi {
  readonly #base: string;
  readonly #keys: KeyRing;

  /** `serverUrl`: as the provider takes it. */
  constructor(serverUrl: string, keys: KeyRing) {
    this.#base = serverUrl.replace(/^ws/, 'http');
    this.#keys = keys;
  }

  async list(cursor: string | null): Promise<DocumentPage> {
    const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await this.#send(`/v1/documents?limit=200${query}`, this.#keys.general);
    return (await response.json()) as DocumentPage;
  }

  /** What the document says of itself. The browser's cache asks with the entity tag. */
  async meta(name: DocumentName): Promise<{ title: string | null; kind: Kind | null }> {
    const response = await this.#document(name, '/content?type=map&name=meta');
    return metaIn(await response.json());
  }

  async copy(name: DocumentName, to: DocumentName): Promise<void> {
    await this.#document(name, '/copy', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ to }),
    });
  }

  /** `isLeaving`: the page is about to go; the request outlives it. */
  async delete(name: DocumentName, isLeaving: boolean): Promise<void> {
    await this.#document(name, '', { method: 'DELETE', keepalive: isLeaving });
  }

  async rename(name: DocumentName, title: string): Promise<void> {
    const doc = new Y.Doc();
    const token = this.#keys.tokenFor(name);
    const options = token === null ? {} : { token };
    await syncOnce(this.#base, name, doc, options);
    setTitle(doc, title);
    await syncOnce(this.#base, name, doc, options);
    doc.destroy();
  }

  async link(
    name: DocumentName,
    access: 'read' | 'write',
    lifetimeSeconds: number,
  ): Promise<SharedLink> {
    const response = await this.#document(name, '/links', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ access, lifetimeSeconds }),
    });
    return (await response.json()) as SharedLink;
  }

  async #document(name: DocumentName, path: string, init: RequestInit = {}): Promise<Response> {
    const url = `/v1/documents/${encodeURIComponent(name)}${path}`;
    return await this.#send(url, this.#keys.tokenFor(name), init);
  }

  async #send(path: string, token: string | null, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    let response: Response;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(this.#base + path, { signal, ...init, headers });
    } catch {
      throw new ApiError(null);
    }
    if (!response.ok) throw new ApiError((await refusalOf(response)).code ?? 'internal');
    return response;
  }
}
