/** A document as a whole: create, look, delete, copy, and who is in it. */
import { Router, type Response } from 'express';
import { allows } from '../access/access.ts';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Written } from '../rooms/documents.ts';
import { bytesOf, jsonOf, readsBytes, readsJson } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import { entityTag, matchingTag } from './entity-tags.ts';
import type { Idempotency } from './idempotency.ts';
import { traceparentOf } from './observed.ts';
import { durabilityOf } from './query.ts';
import { setCaching, setDurability } from './state.ts';
import { encodeStateVector, reached, shortStateVector } from './state-vectors.ts';

export function documentRoutes(context: HttpContext, idempotency: Idempotency): Router {
  const { documents, access } = context;
  const router = Router();

  router.get(
    '/v1/documents/:doc',
    authorized(context, 'read'),
    reached(context),
    async (request, response) => {
      const metadata = await documents.metadata(documentOf(response));
      setCaching(context, response);
      setDurability(context, response, true);
      // Weak: the number of connections is not part of the version.
      response.set('ETag', `W/${entityTag(metadata.digest)}`);
      if (matchingTag(request.headers['if-none-match'], metadata.digest) !== null) {
        response.status(304).end();
        return;
      }
      const { name, digest, stateVector, bytes, createdAtMs, updatedAtMs, connections } = metadata;
      response.json({
        name,
        version: digest,
        stateVector: encodeStateVector(stateVector),
        bytes,
        createdAt: isoTime(createdAtMs),
        updatedAt: isoTime(updatedAtMs),
        connections,
      });
    },
  );

  router.put(
    '/v1/documents/:doc',
    authorized(context, 'write'),
    readsBytes(context),
    idempotency.once(),
    async (request, response) => {
      const document = documentOf(response);
      const body = bytesOf(response);
      const update = body.byteLength === 0 ? null : body;
      const ifNoneMatch = request.get('If-None-Match');
      if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') {
        throw new ProtocolError('invalid-request', 'Only `If-None-Match: *` has a meaning here.');
      }
      const parent = traceparentOf(response);
      const options = { durability: durabilityOf(request, context.durability), parent };
      const created = await documents.create(document, update, options);
      if (created.isNew) {
        sendCreated(response, document, created);
        return;
      }
      if (ifNoneMatch !== undefined) throw new ProtocolError('document-exists');
      sendWritten(
        response,
        document,
        update === null ? created : await documents.write(document, update, options),
      );
    },
  );

  router.delete('/v1/documents/:doc', authorized(context, 'admin'), async (_request, response) => {
    await documents.delete(documentOf(response));
    response.status(204).end();
  });

  router.post(
    '/v1/documents/:doc/copy',
    authorized(context, 'read'),
    readsJson(context, 'CopyRequest'),
    idempotency.once(),
    async (_request, response) => {
      const to = parseDocumentName(jsonOf<{ readonly to: string }>(response).to);
      if (to === null) throw new ProtocolError('invalid-document-name');
      const level = await access.accessTo(callOf(response).identity, to);
      if (!allows(level, 'write')) {
        throw new ProtocolError(allows(level, 'read') ? 'read-only' : 'document-not-found');
      }
      sendCreated(response, to, await documents.copy(documentOf(response), to));
    },
  );
  return router;
}

/** What every write answers with. */
export function sendWritten(response: Response, document: DocumentName, written: Written): void {
  response.set({ ETag: entityTag(written.digest), 'Cache-Control': 'no-store' }).json({
    document,
    version: written.digest,
    stateVector: shortStateVector(written.stateVector),
    redundant: written.isRedundant,
  });
}

function sendCreated(response: Response, document: DocumentName, written: Written): void {
  response.status(201).set('Location', `/v1/documents/${encodeURIComponent(document)}`);
  sendWritten(response, document, written);
}

function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
