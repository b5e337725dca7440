/**
 * What every file of routes is built from: the parts of the node that HTTP may use, and the middleware that says
 * who asks for what. A file of routes exports a function `(context: HttpContext) => Router` with full paths in it
 * (`/v1/documents/:doc/…`); app.ts mounts it. Express matches on the encoded path, so `a%2Fb` is one document.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { StoreStatus } from '../../persistence/store.ts';
import {
  allows,
  type AccessControl,
  type AccessLevel,
  type Caller,
  type Identity,
} from '../access/access.ts';
import { callerOf } from '../access/caller.ts';
import type { OriginPolicy } from '../access/origin.ts';
import type { RateLimits, RateVerdict } from '../access/rate-limits.ts';
import { tokenOf } from '../access/token-source.ts';
import type { Connections } from '../connections/connections.ts';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Content } from '../rooms/content.ts';
import type { Documents } from '../rooms/documents.ts';
import type { History } from '../rooms/history.ts';
import type { DurabilityOffer } from '../rooms/replication.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Tracing } from '../rooms/tracing.ts';
import type { EventStreams } from './event-stream.ts';
import type { DeadLetters } from '../webhooks/dead-letters.ts';
import { rateHeaders } from './rates.ts';

export { sendProblem } from './problem.ts';

export interface HttpLimits {
  /** Largest update in a body; the same as of a frame. */
  readonly frameBytesMax: number;
  /** How often the hook is asked again about whoever has a stream open. */
  readonly recheckIntervalMs: number;
  /** Largest presence state, as JSON. */
  readonly presenceBytesMax: number;
  /** A body of which nothing arrives for this long is given up. */
  readonly bodyTimeoutMs: number;
  /** A reader that takes nothing for this long is given up. */
  readonly sendStallMs: number;
  /** Compressed states kept in memory, all together. */
  readonly stateCacheBytesMax: number;
  /** Requests being answered at once, event streams aside. */
  readonly requestsMax: number;
  /** Proxies between the client and this node whose X-Forwarded-For is believed. */
  readonly trustProxy: number;
}

export interface RequestReport {
  readonly id: string;
  readonly method: string;
  /** Template of the path, or `other`. */
  readonly route: string;
  /** Path without its query; a token in the query is `token=REDACTED`. */
  readonly path: string;
  readonly status: number;
  readonly problem: ErrorCode | null;
  readonly durationMs: number;
}

export interface HttpObserver {
  readonly onRequest: (report: RequestReport) => void;
  /** A bug of ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** The process, for health checks and operators. */
export interface NodeReport {
  readonly id: string;
  readonly region: string;
  readonly startedAtMs: number;
  readonly documentsOpen: number;
  readonly isDraining: boolean;
  readonly store: {
    readonly status: StoreStatus;
    /** Why it is not writable: a code, never a path. */
    readonly error: string | null;
    readonly isDiskFull: boolean;
    readonly queueBytes: number;
    readonly queueRecords: number;
  };
  /** The other nodes, as this one sees them; null on a node that is alone. */
  readonly others: OthersReport | null;
}

export interface OthersReport {
  readonly peers: readonly {
    readonly node: string;
    readonly region: string;
    readonly status: 'alive' | 'left' | 'lost';
    readonly heardMs: number;
    /** Documents of which it says something else than what is here. */
    readonly differing: number;
    /** Positive: its clock is ahead. Null: it does not say. */
    readonly clockDifferenceMs: number | null;
  }[];
  readonly links: readonly {
    readonly region: string;
    readonly status: 'up' | 'one-way' | 'down';
    readonly reason: string;
    readonly sinceMs: number;
  }[];
  readonly divergence: { readonly documents: number; readonly ageMs: number };
}

export interface HttpContext {
  readonly documents: Documents;
  readonly history: History;
  readonly content: Content;
  readonly access: AccessControl;
  readonly rates: RateLimits;
  readonly streams: EventStreams;
  readonly connections: Connections;
  readonly origins: OriginPolicy;
  readonly timers: Timers;
  readonly limits: HttpLimits;
  readonly durability: DurabilityOffer;
  readonly observer: HttpObserver;
  /** Null: no request is followed. */
  readonly tracing: Pick<Tracing, 'request'> | null;
  /** Null on a node without webhooks. */
  readonly deadLetters: DeadLetters | null;
  readonly report: () => NodeReport;
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> };
}

/** Who asks, for what; known once `authorized` has let a request through. */
export interface Call {
  readonly identity: Identity;
  /** Of the document, or of the node when the route has none. */
  readonly access: AccessLevel;
  readonly caller: Caller;
}

export interface Refusals {
  /** Without `need`; the default is what the contract of the API says for documents and for the node. */
  readonly code?: ErrorCode;
}

/**
 * Lets a request through when its token gives `need`: on the document that the path names (`:doc`), else on the
 * whole node. Who may not read is told `document-not-found`, word for word as when there is none; who may read and
 * not write, `read-only`; a route of the node is then `not-found`. [I7]
 */
export function authorized(
  context: HttpContext,
  need: AccessLevel,
  refusals: Refusals = {},
): RequestHandler {
  const { access, rates, limits } = context;
  return async (request, response, next) => {
    const caller = callerOf(request, limits.trustProxy);
    const { doc } = request.params;
    const document = typeof doc === 'string' ? parseDocumentName(doc) : null;
    const identity = await identityOf(request, caller);
    const { address } = caller;
    const subject = identity instanceof ProtocolError ? null : identity.subject;
    const verdict = await rates.take({ address, subject, document: null });
    response.set(rateHeaders(verdict.policies));
    if (!verdict.isAllowed) throw limited(response, verdict);
    if (identity instanceof ProtocolError) throw identity;
    if (doc !== undefined && document === null) throw new ProtocolError('invalid-document-name');
    const level =
      document === null ? access.accessToNode(identity) : await access.accessTo(identity, document);
    if (!allows(level, need)) throw new ProtocolError(refusalOf(document, level, need, refusals));
    if (document !== null) {
      const ofDocument = await rates.take({ address: null, subject: null, document });
      response.set(rateHeaders([...verdict.policies, ...ofDocument.policies]));
      if (!ofDocument.isAllowed) throw limited(response, ofDocument);
    }
    const call: Call = { identity, access: level, caller };
    response.locals['call'] = call;
    response.locals['document'] = document;
    next();
  };

  async function identityOf(request: Request, caller: Caller): Promise<Identity | ProtocolError> {
    const token = tokenOf(request);
    if (!token.ok) return new ProtocolError(token.code);
    const authentication = await access.authenticate(token.token, caller);
    return authentication.ok ? authentication.identity : new ProtocolError(authentication.code);
  }
}

function limited(response: Response, { retryAfterS }: RateVerdict): ProtocolError {
  response.set('Retry-After', String(Math.max(1, Math.ceil(retryAfterS))));
  return new ProtocolError('rate-limited');
}

function refusalOf(
  document: DocumentName | null,
  level: AccessLevel,
  need: AccessLevel,
  refusals: Refusals,
): ErrorCode {
  if (document === null) return 'not-found';
  if (!allows(level, 'read')) return 'document-not-found';
  return refusals.code ?? (need === 'write' ? 'read-only' : 'forbidden');
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
