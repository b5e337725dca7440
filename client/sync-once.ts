/**
 * An offline client's visit over REST, without a connection: brings what the server lacks, takes what the document
 * lacks, and is over when all of it is durable. [I1] What is small goes in one round trip; for anything larger the
 * server is asked first what it has, and what it lacks is cut into pieces that fit.
 *
 * Every request may be repeated, and a visit that was cut off is continued by the next one: pieces that arrived are
 * in the server's state vector.
 */
import * as Y from 'yjs';
import { parseDocumentName } from '../server/protocol/document-name.ts';
import { ERRORS, ProtocolError, type ErrorCode, type Retry } from '../server/protocol/errors.ts';
import { decodeSyncBody, encodeSyncBody, SYNC_MEDIA_TYPE } from '../server/protocol/sync-body.ts';
import { Backoff } from './backoff.ts';
import { closeOf, isTransient, refusalOf, Rest, type Refusal } from './rest.ts';
import { TokenSource, type Token } from './token-source.ts';
import { splitUpdate } from './update-pieces.ts';

export interface SyncOptions {
  readonly token?: Token;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** Of the transactions that bring the server's changes. Default: `syncOnce`. */
  readonly origin?: unknown;
  /** Largest update in one request, bytes; less when the server says so. Default 4 MiB. */
  readonly pieceBytesMax?: number;
}

export interface SyncResult {
  /** Updates, without what surrounds them. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly requests: number;
  /** What the server has now, encoded. */
  readonly stateVector: Uint8Array;
}

/** The server refused, or could not be reached. What had arrived before stays there. */
export class SyncError extends Error {
  override readonly name = 'SyncError';
  /** The row of the error table; null when no Syncline server answered. */
  readonly code: ErrorCode | null;
  /** What may help: another try later, another token, or nothing. */
  readonly retry: Retry;
  constructor(code: ErrorCode | null, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retry = code === null ? 'backoff' : ERRORS[code].retry;
  }
}

/** A document of this size goes as a whole: asking first would cost more than sending it. */
const WHOLE_BYTES_MAX = 64 * 1024;
const PIECE_BYTES_MAX = 4 * 1024 * 1024;
/** A server that takes no more than this takes nothing. */
const PIECE_BYTES_MIN = 1024;
/** Answers in a row that change the plan: smaller pieces, something missing. */
const PLANS_MAX = 16;
const ATTEMPTS_MAX = 5;
const RETRY_MS_MAX = 10_000;
const EMPTY_UPDATE = Uint8Array.of(0, 0);

/**
 * Syncs a document with the server, once, both ways. Resolves when what the document held at the call is durable
 * there, and what the server held is here. `serverUrl`: `http(s)://` or `ws(s)://`, with an optional path.
 * @throws SyncError, ProtocolError `invalid-document-name`, or the reason of `signal`
 */
export async function syncOnce(
  serverUrl: string,
  documentName: string,
  doc: Y.Doc,
  options: SyncOptions = {},
): Promise<SyncResult> {
  const name = parseDocumentName(documentName);
  if (name === null) throw new ProtocolError('invalid-document-name');
  const token = new TokenSource(options.token);
  const rest = new Rest({ serverUrl, documentName: name, token, fetch: options.fetch ?? fetch });
  return await new Visit(rest, doc, options).run();
}

class Visit {
  readonly #rest: Rest;
  readonly #doc: Y.Doc;
  readonly #options: SyncOptions;
  #pieceBytesMax: number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #requests = 0;

  constructor(rest: Rest, doc: Y.Doc, options: SyncOptions) {
    this.#rest = rest;
    this.#doc = doc;
    this.#options = options;
    this.#pieceBytesMax = options.pieceBytesMax ?? PIECE_BYTES_MAX;
  }

  async run(): Promise<SyncResult> {
    const whole = Y.encodeStateAsUpdate(this.#doc);
    const isSmall = whole.byteLength <= Math.min(WHOLE_BYTES_MAX, this.#pieceBytesMax);
    let update = isSmall ? whole : null;
    for (let plan = 0; plan < PLANS_MAX; plan++) {
      const { stateVector, refusal } =
        update === null ? await this.#ask() : await this.#bring(update);
      if (refusal !== null) this.#replan(refusal);
      else if (update !== null) {
        return {
          sentBytes: this.#sentBytes,
          receivedBytes: this.#receivedBytes,
          requests: this.#requests,
          stateVector,
        };
      }
      // After a refusal the server is asked anew: it may have taken a part.
      update = refusal === null ? Y.encodeStateAsUpdate(this.#doc, stateVector) : null;
    }
    throw new SyncError('unresolved-gap', ERRORS['unresolved-gap'].meaning);
  }

  /** What the server has, and what it has for us. */
  async #ask(): Promise<Answer> {
    return await this.#sync(null);
  }

  /** All but the last piece as plain updates; the last one brings back what is new there. */
  async #bring(update: Uint8Array): Promise<Answer> {
    let last: Uint8Array | null = null;
    for (const piece of splitUpdate(update, this.#pieceBytesMax)) {
      if (last !== null) {
        const refusal = await this.#post(last);
        if (refusal !== null) return { stateVector: EMPTY_UPDATE, refusal };
      }
      last = piece;
    }
    const answer = await this.#sync(last);
    // Nothing to bring: what an earlier visit brought may still be on its way to the disk.
    const isNothing = update.byteLength <= EMPTY_UPDATE.byteLength;
    if (answer.refusal === null && isNothing && answer.isDurable === false) {
      const refusal = await this.#post(EMPTY_UPDATE);
      if (refusal !== null) return { ...answer, refusal };
    }
    return answer;
  }

  async #post(update: Uint8Array): Promise<Refusal | null> {
    const response = await this.#request('/updates', 'application/octet-stream', update);
    if (!response.ok) return await refusalOf(response);
    await response.arrayBuffer();
    this.#sentBytes += update.byteLength;
    return null;
  }

  async #sync(update: Uint8Array | null): Promise<Answer> {
    const stateVector = Y.encodeStateVector(this.#doc);
    const body = encodeSyncBody({ stateVector, update });
    const response = await this.#request('/sync', SYNC_MEDIA_TYPE, body);
    if (!response.ok) return { stateVector, refusal: await refusalOf(response) };
    const answer = decodeSyncBody(new Uint8Array(await response.arrayBuffer()));
    if (answer === null) throw new SyncError(null, 'not the answer of a Syncline server');
    this.#sentBytes += update?.byteLength ?? 0;
    this.#receivedBytes += answer.update?.byteLength ?? 0;
    if (answer.update !== null) {
      Y.applyUpdate(this.#doc, answer.update, this.#options.origin ?? 'syncOnce');
    }
    const isDurable = response.headers.get('X-Durability') !== 'degraded';
    return { stateVector: answer.stateVector, refusal: null, isDurable };
  }

  /** Makes the next attempt smaller, or gives up. */
  #replan(refusal: Refusal): void {
    const { code, status, details } = refusal;
    if (code === 'update-gap') return;
    const isTooLarge = code === 'body-too-large' || (code === null && status === 413);
    if (isTooLarge && this.#pieceBytesMax > PIECE_BYTES_MIN) {
      const limit = typeof details['limit'] === 'number' ? details['limit'] : Infinity;
      // Pieces come out a little larger than asked for.
      this.#pieceBytesMax = Math.max(
        PIECE_BYTES_MIN,
        Math.floor(Math.min(this.#pieceBytesMax, limit) / 2),
      );
      return;
    }
    throw new SyncError(code, code === null ? closeOf(refusal).reason : ERRORS[code].meaning);
  }

  /** Answers that are not worth another try; others are tried again after a pause. */
  async #request(path: string, type: string, body: Uint8Array): Promise<Response> {
    const { signal } = this.#options;
    const backoff = new Backoff(RETRY_MS_MAX, Math.random);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      this.#requests += 1;
      let failure: unknown;
      let retryAfterMs = 0;
      try {
        const response = await this.#rest.request(path, {
          method: 'POST',
          headers: { 'Content-Type': type, ...(type === SYNC_MEDIA_TYPE ? { Accept: type } : {}) },
          // Its buffer is never a shared one.
          body: body as Uint8Array<ArrayBuffer>,
          ...(signal === undefined ? {} : { signal }),
        });
        if (response.ok) return response;
        const refusal = await refusalOf(response.clone());
        if (!isTransient(refusal)) return response;
        await response.body?.cancel();
        if (attempt === ATTEMPTS_MAX) {
          throw new SyncError(refusal.code, closeOf(refusal).reason);
        }
        retryAfterMs = refusal.retryAfterMs ?? 0;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof SyncError) throw error;
        failure = error;
      }
      if (attempt === ATTEMPTS_MAX) throw new SyncError(null, 'no answer', failure);
      await pause(retryAfterMs + backoff.closed(Date.now()), signal);
    }
  }
}

interface Answer {
  readonly stateVector: Uint8Array;
  readonly refusal: Refusal | null;
  readonly isDurable?: boolean;
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, delayMs);
    function done(): void {
      signal?.removeEventListener('abort', stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    }
    signal?.addEventListener('abort', stop, { once: true });
  });
}
