/**
 * What every file of routes is built from: the parts of the node that HTTP may use, and the middleware that says
 * who asks for what. A file of routes exports a function `(context: HttpContext) => Router` with full paths in it
 * (`/v1/documents/:doc/…`); app.ts mounts it. Express matches on the encoded path, so `a%2Fb` is one document.
 */
import type { RequestHandler, Response } from 'express';
import {
  allows,
  type AccessControl,
  type AccessLevel,
  type Caller,
  type Identity,
} from '../access/access.ts';
import { callerOf } from '../access/caller.ts';
import type { OriginPolicy } from '../access/origin.ts';
import type { RateLimits } from '../access/rate-limits.ts';
import { tokenOf } from '../access/token-source.ts';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Content } from '../rooms/content.ts';
import type { Documents } from '../rooms/documents.ts';
import type { History } from '../rooms/history.ts';
import type { Timers } from '../rooms/timers.ts';
import type { EventStreams } from './event-stream.ts';
import { rateHeaders } from './rates.ts';

export { sendProblem } from './problem.ts';

export interface HttpLimits {
  /** Largest update in a body; the same as of a frame. */
  readonly frameBytesMax: number;
  /** Largest presence state, as JSON. */
  readonly presenceBytesMax: number;
  /** A body of which nothing arrives for this long is given up. */
  readonly bodyTimeoutMs: number;
}

export interface HttpObserver {
  /** A bug of ours. */
  readonly onError: (error: unknown) => void;
}

export interface HttpContext {
  readonly documents: Documents;
  readonly history: History;
  readonly content: Content;
  readonly access: AccessControl;
  readonly streams: EventStreams;
  /** Null: unlimited. */
  readonly rates: RateLimits | null;
  readonly origins: OriginPolicy;
  readonly timers: Timers;
  readonly limits: HttpLimits;
  readonly observer: HttpObserver;
}

/** Who asks, for what; known once `authorized` has let a request through. */
export interface Call {
  readonly identity: Identity;
  /** Of the document, or of the node when the route has none. */
  readonly access: AccessLevel;
  readonly caller: Caller;
}

/**
 * Lets a request through when its token gives `need`: on the document that the path names (`:doc`), else on the
 * whole node. Who may not read is told `document-not-found`, word for word as when there is none; who may read and
 * not write, `read-only`; a route of the node is then `not-found`. [I7]
 */
export function authorized(context: HttpContext, need: AccessLevel): RequestHandler {
  const { access, rates } = context;
  return async (request, response, next) => {
    const caller: Caller = {
      address: request.socket.remoteAddress ?? '',
      origin: request.headers.origin ?? null,
    };
    const { doc } = request.params;
    const identity = await identify(tokenOf(request), caller);
    const document = typeof doc === 'string' ? parseDocumentName(doc) : null;
    if (rates !== null) {
      const verdict = await rates.take({
        address: caller.address,
        subject: identity instanceof ProtocolError ? null : identity.subject,
        document,
      });
      response.set(rateHeaders(verdict));
      if (!verdict.isAllowed) throw new ProtocolError('rate-limited');
    }
    if (identity instanceof ProtocolError) throw identity;
    if (doc !== undefined && document === null) throw new ProtocolError('invalid-document-name');
    const level =
      document === null ? access.accessToNode(identity) : await access.accessTo(identity, document);
    if (!allows(level, need)) throw new ProtocolError(refusalOf(document, level));
    const call: Call = { identity, access: level, caller };
    response.locals['call'] = call;
    response.locals['document'] = document;
    next();
  };

  async function identify(token: string | null, caller: Caller): Promise<Identity | ProtocolError> {
    const authentication = await access.authenticate(token, caller);
    return authentication.ok ? authentication.identity : new ProtocolError(authentication.code);
  }
}

function refusalOf(document: DocumentName | null, level: AccessLevel): ErrorCode {
  if (document === null) return 'not-found';
  return allows(level, 'read') ? 'read-only' : 'document-not-found';
}

/** After `authorized`. */
export function callOf(response: Response): Call {
  const call = response.locals['call'] as Call | undefined;
  if (call === undefined) throw new Error('a route without `authorized`');
  return call;
}

/** The document that the path names; after `authorized`. */
export function documentOf(response: Response): DocumentName {
  const document = response.locals['document'] as DocumentName | null | undefined;
  if (document === null || document === undefined) throw new Error('a route without a document');
  return document;
}
