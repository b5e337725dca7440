/**
 * What Y-Sweet's SDK (0.9) asks of its server: an application creates documents and gets tokens for its clients, reads and
 * writes whole documents. A connection string is `ys://TOKEN@HOST` (`yss://` over TLS), TOKEN one of ours that may do what
 * is asked; what it hands out is a token of ours too, for one document, so everything else about access is as everywhere.
 *
 *     POST /doc/new  {docId?} → {docId}                   POST /doc/ID/auth  {authorization?, userId?, validForSeconds?} → …
 *     GET /d/ID/as-update → update                        POST /d/ID/update  ← update; answered when durable [I1]
 *     POST /check_store → {ok}
 */
import { randomBytes } from 'node:crypto';
import { Router, type Request } from 'express';
import { allows } from '../access/access.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { BYTES_MEDIA_TYPE, bytesOf, hasBody, jsonOf, readsBytes, readsJson } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import { sendWritten } from './documents.ts';
import { sendParts } from './send-parts.ts';
import { setCaching } from './state.ts';
import { RequestAuthor } from './updates.ts';

/** As Y-Sweet's server. */
const VALID_FOR_S = 3600;
/** Of a name that nobody has chosen: no guess will hit it. */
const ID_BYTES = 18;

interface AuthRequest {
  readonly authorization?: 'full' | 'read-only';
  readonly userId?: string;
  readonly validForSeconds?: number;
}

export function ySweetRoutes(context: HttpContext): Router {
  const { access, documents, limits, report, timers } = context;
  const router = Router();

  router.post('/check_store', authorized(context, 'none'), (_request, response) => {
    const { status } = report().store;
    response
      .set('Cache-Control', 'no-store')
      .json(status === 'open' ? { ok: true } : { ok: false, error: `the store is ${status}` });
  });

  router.post(
    '/doc/new',
    authorized(context, 'none'),
    readsJson(context, 'YSweetNewRequest'),
    async (_request, response) => {
      const { docId = randomBytes(ID_BYTES).toString('base64url') } = jsonOf<{ docId?: string }>(
        response,
      );
      // The schema lets no other through.
      const document = docId as DocumentName;
      const level = await access.accessTo(callOf(response).identity, document);
      if (!allows(level, 'write')) {
        throw new ProtocolError(allows(level, 'read') ? 'read-only' : 'forbidden');
      }
      await documents.create(document, null);
      response.set('Cache-Control', 'no-store').json({ docId });
    },
  );

  router.post(
    '/doc/:doc/auth',
    authorized(context, 'read'),
    optional(readsJson(context, 'YSweetAuthRequest')),
    async (request, response) => {
      const document = documentOf(response);
      const asked = (response.locals['json'] ?? {}) as AuthRequest;
      const { authorization = 'full', userId, validForSeconds = VALID_FOR_S } = asked;
      const { identity, access: level } = callOf(response);
      const needed = authorization === 'full' ? 'write' : 'read';
      if (!allows(level, needed)) throw new ProtocolError('read-only');
      await documents.version(document);
      const link = access.mintLink(identity, {
        document,
        access: needed,
        lifetimeMs: validForSeconds * 1000,
        level,
        subject: userId ?? null,
      });
      if (link === null && access.isEnforced) {
        throw new ProtocolError('not-found', 'This node holds no secret to sign tokens with.');
      }
      const id = encodeURIComponent(document);
      response.set('Cache-Control', 'no-store').json({
        url: `${originOf(request, 'ws', limits.trustProxy)}/d/${id}/ws`,
        baseUrl: `${originOf(request, 'http', limits.trustProxy)}/d/${id}`,
        docId: document,
        ...(link === null ? {} : { token: link.token }),
        authorization,
      });
    },
  );

  router.get('/d/:doc/as-update', authorized(context, 'read'), async (request, response) => {
    const state = await documents.state(documentOf(response), null);
    setCaching(context, response);
    response.set({ 'Content-Type': BYTES_MEDIA_TYPE, 'Content-Length': String(state.bytes) });
    if (request.method === 'HEAD') response.end();
    else await sendParts(response, state.parts, { timers, sendStallMs: limits.sendStallMs });
  });

  router.post(
    '/d/:doc/update',
    authorized(context, 'write'),
    readsBytes(context),
    async (_request, response) => {
      const document = documentOf(response);
      const author = new RequestAuthor(response);
      sendWritten(
        response,
        document,
        await documents.write(document, bytesOf(response), { author }),
      );
    },
  );
  return router;
}

/** A body that need not be there. */
function optional(reads: ReturnType<typeof readsJson>): ReturnType<typeof readsJson> {
  return (request, response, next) => (hasBody(request) ? reads(request, response, next) : next());
}

/** Where the caller has reached this node: what it hands on to its clients has to work for them too. */
function originOf(request: Request, scheme: 'http' | 'ws', trustProxy: number): string {
  const forwarded = trustProxy > 0 ? request.get('X-Forwarded-Proto') : undefined;
  const host =
    (trustProxy > 0 ? request.get('X-Forwarded-Host') : undefined) ?? request.get('Host');
  if (host === undefined) throw new ProtocolError('invalid-request', 'No Host header.');
  const isSecure = (forwarded?.split(',').at(-1)?.trim() ?? request.protocol) === 'https';
  return `${scheme}${isSecure ? 's' : ''}://${host}`;
}
