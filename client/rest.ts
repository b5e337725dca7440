/**
 * The routes of one document that the client uses, with its token: what was asked, and what a refusal means. A
 * refused token is renewed once for each request.
 */
import type { DocumentName } from '../server/protocol/document-name.ts';
import { ERRORS, type ErrorCode } from '../server/protocol/errors.ts';
import type { TokenSource } from './token-source.ts';

export interface RestOptions {
  readonly serverUrl: string;
  readonly documentName: DocumentName;
  readonly token: TokenSource;
  readonly fetch: typeof fetch;
}

/** An answer that is not 2xx. */
export interface Refusal {
  readonly status: number;
  /** The row of the error table; null from something that is no Syncline server, a proxy for one. */
  readonly code: ErrorCode | null;
  /** Members of the problem document. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | null;
}

/** Longer pauses than this are not believed: milliseconds. */
const RETRY_AFTER_MS_MAX = 60_000;

export class Rest {
  readonly #base: string;
  readonly #token: TokenSource;
  readonly #fetch: typeof fetch;

  constructor({ serverUrl, documentName, token, fetch: send }: RestOptions) {
    const base = serverUrl.replace(/^ws/i, 'http').replace(/\/+$/, '');
    this.#base = `${base}/v1/documents/${encodeURIComponent(documentName)}`;
    this.#token = token;
    this.#fetch = send;
  }

  /** `path`: what follows the document, with a query. Rejects when there is no answer, or no token. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#send(path, init, await this.#token.latest());
    if (response.status !== 401 || !this.#token.isRenewable) return response;
    await response.body?.cancel();
    return await this.#send(path, init, await this.#token.fresh());
  }

  async #send(path: string, init: RequestInit, token: string | null): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    // Called without a receiver: browsers refuse `this.fetch(…)`.
    const send = this.#fetch;
    return await send(this.#base + path, { ...init, headers });
  }
}

export async function refusalOf(response: Response): Promise<Refusal> {
  const problem = await problemIn(response);
  const { code, ...details } = problem;
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return {
    status: response.status,
    code: typeof code === 'string' && code in ERRORS ? (code as ErrorCode) : null,
    details,
    retryAfterMs: Number.isFinite(seconds)
      ? Math.min(Math.max(0, seconds * 1000), RETRY_AFTER_MS_MAX)
      : null,
  };
}

/** Whether the same request may be answered otherwise after a pause. */
export function isTransient({ status, code }: Refusal): boolean {
  // The stream has just been opened anew; the next attempt names the new one.
  if (code === 'connection-not-found') return true;
  if (status === 408 || status === 429 || status >= 500) return true;
  return code === null && status !== 401 && status !== 403 && status !== 404 && status !== 413;
}

/** How a WebSocket would have been closed for the same reason. */
export function closeOf({ status, code }: Refusal): { closeCode: number; reason: string } {
  if (code !== null) return { closeCode: ERRORS[code].close, reason: code };
  const known: ErrorCode | null =
    status === 401
      ? 'invalid-token'
      : status === 403
        ? 'forbidden'
        : status === 429
          ? 'rate-limited'
          : null;
  return known === null
    ? { closeCode: 1006, reason: `HTTP ${status}` }
    : { closeCode: ERRORS[known].close, reason: known };
}

async function problemIn(response: Response): Promise<Record<string, unknown>> {
  if (!(response.headers.get('Content-Type') ?? '').includes('json')) {
    await response.body?.cancel();
    return {};
  }
  try {
    const value: unknown = await response.json();
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
