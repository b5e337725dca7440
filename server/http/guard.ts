/**
 * What is decided about a request before a route sees it: how long its path is, whether the page it comes from may
 * ask, whether the API has the path, the method and the media type, and whether the node takes more requests.
 */
import cors from 'cors';
import type { Request, RequestHandler, Response } from 'express';
import { isHostAllowed, isOriginAllowed } from '../access/origin.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { findOperation, findPath, type ApiPath } from './api-table.ts';
import type { HttpContext } from './context.ts';

/** A name of 200 characters, each of three bytes in %XX, and the route around it. */
const PATH_LENGTH_MAX = 2048;
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const PREFLIGHT_AGE_S = 600;

const EXPOSED_HEADERS = [
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Document-Version',
  'X-Durability',
  'X-Request-Id',
  'X-State-Vector',
  'X-Delete-Digest',
];

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'X-Min-State-Vector',
  'X-Min-Delete-Digest',
];

/** Paths and methods of the API; other paths are left to the pages behind. */
export function guardsApi(context: HttpContext): RequestHandler {
  return (request, response, next) => {
    const { method, path } = request;
    if (path.length > PATH_LENGTH_MAX) throw new ProtocolError('uri-too-long');
    const found = findPath(path);
    // What is not in the document is not there, however a router would read it.
    if (found === null && path.startsWith('/v1/')) throw new ProtocolError('not-found');
    if (found === null && method === 'TRACE')
      throw notAllowed(response, ['GET', 'HEAD', 'OPTIONS']);
    if (found !== null) checkOperation(found, request, response);
    if (context.report().isDraining && path.startsWith('/v1/')) {
      response.set('Connection', 'close');
      throw new ProtocolError('draining');
    }
    next();
  };
}

function checkOperation(found: ApiPath, request: Request, response: Response): void {
  response.locals['route'] = found.template;
  if (request.method === 'OPTIONS') return;
  const operation = findOperation(found, request.method);
  if (operation === null) throw notAllowed(response, found.methods);
  const { mediaTypes } = operation;
  if (mediaTypes.length > 0 && request.accepts([...mediaTypes]) === false) {
    throw new ProtocolError('not-acceptable');
  }
}

function notAllowed(response: Response, methods: readonly string[]): ProtocolError {
  response.set('Allow', methods.join(', '));
  return new ProtocolError('method-not-allowed');
}

/**
 * Pages of other origins: those of ALLOWED_ORIGINS may read and write, no other may write. Without access control
 * nothing but this stands between a page that somebody happens to open and the documents on their machine.
 */
export function guardsOrigins(context: HttpContext): readonly RequestHandler[] {
  const { origins } = context;
  const isListed = (origin: string | undefined): boolean =>
    origin !== undefined && origins.allowedOrigins.includes(origin);
  return [
    (request, response, next) => {
      response.vary('Origin');
      if (!isHostAllowed(request.headers.host, origins)) throw new ProtocolError('origin-refused');
      if (!SAFE_METHODS.has(request.method)) {
        const site = request.get('Sec-Fetch-Site');
        const isForeign = site === 'cross-site' && !isListed(request.headers.origin);
        if (isForeign || !isOriginAllowed(request, origins))
          throw new ProtocolError('origin-refused');
      }
      next();
    },
    cors({
      origin: (origin, done) => {
        done(null, isListed(origin));
      },
      methods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'],
      allowedHeaders: REQUEST_HEADERS,
      exposedHeaders: EXPOSED_HEADERS,
      credentials: false,
      maxAge: PREFLIGHT_AGE_S,
      optionsSuccessStatus: 204,
    }),
    (request, response, next) => {
      if (request.method !== 'OPTIONS') {
        next();
        return;
      }
      const methods = findPath(request.path)?.methods ?? ['GET', 'HEAD', 'OPTIONS'];
      response.set('Allow', methods.join(', ')).status(204).end();
    },
  ];
}

/** At most so many requests at once, event streams aside: those count as connections. [I6] */
export function guardsLoad(requestsMax: number): RequestHandler {
  let active = 0;
  return (_request, response, next) => {
    const isStream = response.locals['route'] === '/v1/documents/{doc}/events';
    if (!isStream) {
      if (active >= requestsMax) throw new ProtocolError('overloaded');
      active += 1;
      response.once('close', () => {
        active -= 1;
      });
    }
    next();
  };
}
