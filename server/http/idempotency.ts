/**
 * `Idempotency-Key`: a request that is sent again is answered as the first time, and not done again. Remembered in
 * memory, on this node, bounded by count and age: for clients that lost an answer, not a ledger. Only successes are
 * kept; what failed may be tried again.
 */
import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { LRUCache } from 'lru-cache';
import { ProtocolError } from '../protocol/errors.ts';
import { callOf } from './context.ts';

const ENTRIES_MAX = 10_000;
const AGE_MAX_MS = 24 * 60 * 60 * 1000;
const KEY = /^[\x21-\x7e]{1,255}$/;
const KEPT_HEADERS = ['ETag', 'Location'];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Entry {
  readonly fingerprint: string;
  /** Null: it failed, or its client went away; the next one does it. */
  readonly answer: Promise<Answer | null>;
}

/** One memory for the routes that share it. */
export class Idempotency {
  readonly #entries = new LRUCache<string, Entry>({ max: ENTRIES_MAX, ttl: AGE_MAX_MS });

  /** After the body was read; the route answers with `response.json`. */
  once(): RequestHandler {
    return async (request, response, next) => {
      const key = request.get('Idempotency-Key');
      if (key === undefined) {
        next();
        return;
      }
      if (!KEY.test(key)) throw new ProtocolError('invalid-request');
      const id = hash(callOf(response).identity.subject, request.method, request.path, key);
      const fingerprint = fingerprintOf(request, response);
      for (;;) {
        const entry = this.#entries.get(id);
        if (entry === undefined) break;
        if (entry.fingerprint !== fingerprint) throw new ProtocolError('idempotency-conflict');
        const answer = await entry.answer;
        if (answer !== null) {
          response.status(answer.status).set(answer.headers).set('Idempotency-Replayed', 'true');
          response.json(answer.body);
          return;
        }
      }
      this.#remember(id, fingerprint, response);
      next();
    };
  }

  #remember(id: string, fingerprint: string, response: Response): void {
    const answer = new Promise<Answer | null>((resolve) => {
      const send = response.json.bind(response);
      response.json = (body: unknown) => {
        const { statusCode: status } = response;
        const headers: Record<string, string> = {};
        for (const name of KEPT_HEADERS) {
          const value = response.get(name);
          if (value !== undefined) headers[name] = value;
        }
        if (status < 300) resolve({ status, headers, body });
        return send(body);
      };
      response.once('close', () => {
        resolve(null);
      });
    });
    const entry: Entry = { fingerprint, answer };
    this.#entries.set(id, entry);
    void answer.then((result) => {
      if (result === null && this.#entries.peek(id) === entry) this.#entries.delete(id);
    });
  }
}

function fingerprintOf(request: Request, response: Response): string {
  const { bytes, json } = response.locals as { bytes?: Uint8Array; json?: unknown };
  return hash(
    request.get('If-None-Match') ?? '',
    request.get('Content-Type') ?? '',
    bytes ?? JSON.stringify(json ?? null),
  );
}

function hash(...parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(String(part.length)).update(' ').update(part);
  return digest.digest('base64url');
}
