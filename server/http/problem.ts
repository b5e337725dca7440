/**
 * Every error of the HTTP side is one document: problem+json (RFC 9457), made from the one error table. Nothing of
 * the request is echoed, and a stack never leaves the process.
 */
import type { ErrorRequestHandler, Response } from 'express';
import { StoreError } from '../../persistence/store.ts';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import { WorkerError } from '../rooms/workers/worker-error.ts';
import { hasBody } from './body.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A Host header that may stand in a URL; anything else is left out. */
const HOST = /^([a-z0-9.-]{1,255}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?$/i;

const RETRY_AFTER_S = '1';

/** Long enough for an answer to reach a client, short enough that uploads cannot hold connections. */
const LINGER_MS = 500;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
}

/** The problem as a document. `details` of the error become its members. */
export function problemOf(error: ProtocolError, host: string | undefined): Problem {
  const { http, meaning } = ERRORS[error.code];
  const path = `/problems/${error.code}`;
  return {
    // An identifier, the same whether or not TLS ends at a proxy in front of the node.
    type: host !== undefined && HOST.test(host) ? `https://${host}${path}` : path,
    title: meaning,
    status: http,
    code: error.code,
    ...(error.message === meaning ? {} : { detail: error.message }),
    ...error.details,
  };
}

/** Answers with a problem. What the route had said about caching and about its body is taken back. */
export function sendProblem(response: Response, error: ProtocolError | ErrorCode): void {
  const problem = problemOf(
    typeof error === 'string' ? new ProtocolError(error) : error,
    response.req.headers.host,
  );
  for (const name of ['ETag', 'Content-Encoding', 'Last-Modified', 'Location']) {
    response.removeHeader(name);
  }
  response.locals['problem'] = problem.code;
  response.status(problem.status).set('Cache-Control', 'no-store');
  if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer error="invalid_token"');
  if (response.get('Retry-After') === undefined && needsRetryAfter(problem.status)) {
    response.set('Retry-After', RETRY_AFTER_S);
  }
  // Not `response.send`: it would answer 304 to a conditional request, and add a charset.
  const body = Buffer.from(JSON.stringify(problem));
  response.set({ 'Content-Type': PROBLEM_MEDIA_TYPE, 'Content-Length': String(body.byteLength) });
  if (response.req.method === 'HEAD') response.end();
  else if (hasBody(response.req) && !response.req.complete) endUnread(response, body);
  else response.end(body);
}

/**
 * The client is still sending. The connection ends with this answer, but not at once: what arrives meanwhile is
 * thrown away for a moment, as a reset would take the answer away from a client that has not read it yet.
 */
function endUnread(response: Response, body: Buffer): void {
  const request = response.req;
  response.set('Connection', 'close');
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end).once('close', end).resume();
}

function needsRetryAfter(status: number): boolean {
  return status === 429 || status === 503;
}

/** What went wrong, as a row of the table; null: a bug of ours. */
export function errorOf(error: unknown): ProtocolError | null {
  if (error instanceof ProtocolError) return error.code === 'internal' ? null : error;
  if (error instanceof WorkerError) return new ProtocolError('overloaded');
  if (error instanceof StoreError) {
    const isOfOneDocument = error.code === 'document-damaged' || error.code === 'document-deleted';
    return new ProtocolError(isOfOneDocument ? error.code : 'store-unavailable');
  }
  // Express marks what the request itself got wrong (a bad escape in the path, say) with a 4xx status.
  const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined;
  if (typeof status !== 'number' || status < 400 || status >= 500) return null;
  return new ProtocolError(status === 404 ? 'not-found' : 'invalid-request');
}

export function errorResponder(
  onError: (error: unknown, response: Response) => void,
): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const known = errorOf(error);
    if (known === null) onError(error, response);
    if (response.headersSent) {
      // Half an answer must not look like a whole one.
      response.destroy();
      return;
    }
    sendProblem(response, known ?? new ProtocolError('internal'));
  };
}
