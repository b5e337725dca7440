/** `…/snapshots`: states of a document that were kept; listed, fetched, compared, restored. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { ProtocolError } from '../protocol/errors.ts';
import type { DiffQuery, SnapshotInfo } from '../rooms/history.ts';
import { BYTES_MEDIA_TYPE, JSON_MEDIA_TYPE, hasBody, jsonOf, readsJson } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import { sendWritten } from './documents.ts';
import { entityTag, matchingTag } from './entity-tags.ts';
import type { Idempotency } from './idempotency.ts';
import { limitOf, rootNameOf, textOf } from './query.ts';
import { sendParts } from './send-parts.ts';
import { SharedBytes } from './shared-bytes.ts';
import { setCaching } from './state.ts';

const DIFF_MEDIA_TYPE = 'text/x-diff';

/** Snapshots on their way to readers, all together. */
const SENDING_BYTES_MAX = 256 * 1024 * 1024;

const uncompress = promisify(gunzip);

export function snapshotRoutes(context: HttpContext, idempotency: Idempotency): Router {
  const { history } = context;
  const sending = new SharedBytes(SENDING_BYTES_MAX);
  const router = Router();

  router.post(
    '/v1/documents/:doc/snapshots',
    authorized(context, 'write'),
    readsOptionalJson(context, 'SnapshotRequest'),
    idempotency.once(),
    async (_request, response) => {
      const document = documentOf(response);
      const { label = null } =
        jsonOf<{ readonly label?: string | null } | undefined>(response) ?? {};
      const info = await history.create(document, label, callOf(response).identity.subject);
      const place = `/v1/documents/${encodeURIComponent(document)}/snapshots/${info.id}`;
      response.status(201).set({ Location: place, ETag: entityTag(info.id) });
      response.set('Cache-Control', 'no-store').json(snapshotJson(info));
    },
  );

  router.get(
    '/v1/documents/:doc/snapshots',
    authorized(context, 'read'),
    async (request, response) => {
      const limit = limitOf(request);
      const after = textOf(request, 'cursor') ?? null;
      const found = await history.list(documentOf(response), after, limit + 1);
      const page = found.slice(0, limit);
      response.set('Cache-Control', 'no-store').json({
        snapshots: page.map(snapshotJson),
        cursor: found.length > limit ? (page.at(-1)?.id ?? null) : null,
      });
    },
  );

  router.get(
    '/v1/documents/:doc/snapshots/:id',
    authorized(context, 'read'),
    async (request, response) => {
      response.vary('Accept');
      if (request.accepts([JSON_MEDIA_TYPE, BYTES_MEDIA_TYPE]) === BYTES_MEDIA_TYPE) {
        await sendState(context, sending, request, response);
        return;
      }
      const info = await history.info(documentOf(response), idOf(request));
      setCaching(context, response);
      response.set('ETag', entityTag(info.id));
      if (matchingTag(request.headers['if-none-match'], info.id) === null) {
        response.json(snapshotJson(info));
      } else {
        response.status(304).end();
      }
    },
  );

  router.delete(
    '/v1/documents/:doc/snapshots/:id',
    authorized(context, 'write'),
    async (request, response) => {
      await history.delete(documentOf(response), idOf(request));
      response.status(204).end();
    },
  );

  router.get(
    '/v1/documents/:doc/snapshots/:id/diff',
    authorized(context, 'read'),
    async (request, response) => {
      const document = documentOf(response);
      const query = diffQueryOf(request);
      response.set('Cache-Control', 'no-store').vary('Accept');
      if (request.accepts([DIFF_MEDIA_TYPE, JSON_MEDIA_TYPE]) === JSON_MEDIA_TYPE) {
        response.json({ changes: await history.changes(document, query) });
        return;
      }
      const patch = Buffer.from(await history.unifiedDiff(document, query));
      response.set('Content-Type', `${DIFF_MEDIA_TYPE}; charset=utf-8`).end(patch);
    },
  );

  router.post(
    '/v1/documents/:doc/snapshots/:id/restore',
    authorized(context, 'write'),
    idempotency.once(),
    async (request, response) => {
      const document = documentOf(response);
      sendWritten(response, document, await history.restore(document, idOf(request)));
    },
  );
  return router;
}

/** A snapshot never changes, so its id makes its tags. It is stored compressed, and mostly sent as it is stored. */
async function sendState(
  context: HttpContext,
  sending: SharedBytes,
  request: Request,
  response: Response,
): Promise<void> {
  const { history, timers, limits } = context;
  const id = idOf(request);
  const document = documentOf(response);
  const tag = `${id}-state`;
  setCaching(context, response);
  const info = await history.info(document, id);
  const known = matchingTag(request.headers['if-none-match'], tag);
  if (known !== null) {
    response.set('ETag', known).status(304).end();
    return;
  }
  const isGzipped = request.acceptsEncodings().includes('gzip');
  const key = JSON.stringify([document, id, isGzipped]);
  const bytes = await sending.get(key, info.bytes, response, async () => {
    const { gzipped } = await history.gzippedState(document, id);
    return isGzipped ? gzipped : await uncompress(gzipped);
  });
  response.set({
    ETag: entityTag(tag, isGzipped ? 'gzip' : null),
    'Content-Type': BYTES_MEDIA_TYPE,
    'Content-Length': String(bytes.byteLength),
    'X-Document-Version': info.digest,
    ...(isGzipped ? { 'Content-Encoding': 'gzip' } : {}),
  });
  if (request.method === 'HEAD') response.end();
  else await sendParts(response, [bytes], { timers, sendStallMs: limits.sendStallMs });
}

/** A body that may be left out. */
function readsOptionalJson(context: HttpContext, schemaName: string): RequestHandler {
  const reads = readsJson(context, schemaName);
  return async (request, response, next) => {
    if (hasBody(request)) await reads(request, response, next);
    else next();
  };
}

function idOf(request: Request): string {
  const { id } = request.params;
  return typeof id === 'string' ? id : '';
}

function diffQueryOf(request: Request): DiffQuery {
  const type = textOf(request, 'type') ?? 'text';
  if (type !== 'text') throw new ProtocolError('invalid-request', 'Only texts are compared.');
  const to = textOf(request, 'to') ?? 'now';
  return { from: idOf(request), to, rootName: rootNameOf(request) };
}

function snapshotJson({ id, label, createdAtMs, author, digest, bytes }: SnapshotInfo): unknown {
  const createdAt = new Date(createdAtMs).toISOString();
  return { id, label, createdAt, author, version: digest, bytes };
}
