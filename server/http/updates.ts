/** Writing: one update, or an offline client's whole visit in one round trip. Answered when durable. [I1] */
import { Router, type Request, type Response } from 'express';
import { allows } from '../access/access.ts';
import { ProtocolError } from '../protocol/errors.ts';
import {
  decodeSyncBody,
  encodeSyncBody,
  SYNC_MEDIA_TYPE,
  type SyncBody,
} from '../protocol/sync-body.ts';
import type { Author } from '../rooms/author.ts';
import type { DocumentState } from '../rooms/documents.ts';
import { encodeDeletesOf } from '../rooms/updates/delete-set.ts';
import { bytesOf, JSON_MEDIA_TYPE, mediaTypeOf, readsBytes } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import { sendWritten } from './documents.ts';
import type { Idempotency } from './idempotency.ts';
import { traceparentOf } from './observed.ts';
import { durabilityOf, textOf } from './query.ts';
import { isValid } from './schema-check.ts';
import { setDurability } from './state.ts';
import {
  checkStateVector,
  encodeStateVector,
  setDeletes,
  STATE_VECTOR_BYTES_MAX,
} from './state-vectors.ts';
import { parseStrictJson } from './strict-json.ts';

/** Lengths, and base64 with some spacing when it is JSON. */
const FRAMING_BYTES = 64;

export function updateRoutes(context: HttpContext, idempotency: Idempotency): Router {
  const { documents, streams, limits } = context;
  const router = Router();

  router.post(
    '/v1/documents/:doc/updates',
    authorized(context, 'write'),
    readsBytes(context),
    idempotency.once(),
    async (request, response) => {
      const document = documentOf(response);
      const update = bytesOf(response);
      const durability = durabilityOf(request, context.durability);
      if (update.byteLength === 0)
        throw new ProtocolError('invalid-update', 'No update in the body.');
      const connection = textOf(request, 'connection');
      const author =
        connection === undefined
          ? new RequestAuthor(response)
          : streams.authorOf(connection, callOf(response).identity, document);
      if (author === null) throw new ProtocolError('connection-not-found');
      const written = await documents.write(document, update, {
        author,
        isCreating: true,
        durability,
        parent: traceparentOf(response),
      });
      setDeletes(response, encodeDeletesOf(update));
      sendWritten(response, document, written);
    },
  );

  router.post(
    '/v1/documents/:doc/sync',
    authorized(context, 'read'),
    readsBytes(context, {
      mediaTypes: [SYNC_MEDIA_TYPE, JSON_MEDIA_TYPE],
      bytesMax:
        Math.ceil((limits.frameBytesMax + STATE_VECTOR_BYTES_MAX) * (4 / 3)) + FRAMING_BYTES,
    }),
    async (request, response) => {
      const document = documentOf(response);
      const { stateVector, update } = syncBodyOf(request, response);
      checkStateVector(stateVector);
      if (update !== null && update.byteLength > limits.frameBytesMax) {
        throw new ProtocolError('body-too-large', undefined, { limit: limits.frameBytesMax });
      }
      const author = new RequestAuthor(response);
      const { written, state } = await documents.sync(document, stateVector, update, {
        author,
        isCreating: author.canWrite,
        durability: durabilityOf(request, context.durability),
        parent: traceparentOf(response),
      });
      response.set({ 'Cache-Control': 'no-store', 'X-Document-Version': state.digest });
      setDurability(context, response, state.isDurable);
      if (update !== null) setDeletes(response, encodeDeletesOf(update));
      sendSync(request, response, state, written?.isRedundant ?? true);
    },
  );
  return router;
}

/** Somebody who writes by one request: gone when its client is. */
export class RequestAuthor implements Author {
  readonly canWrite: boolean;
  readonly subject: string | null;
  readonly #response: Response;
  constructor(response: Response) {
    const { access, identity } = callOf(response);
    this.#response = response;
    this.canWrite = allows(access, 'write');
    this.subject = identity.subject;
  }
  get isClosed(): boolean {
    return this.#response.destroyed;
  }
}

function syncBodyOf(request: Request, response: Response): SyncBody {
  const bytes = bytesOf(response);
  if (mediaTypeOf(request) !== JSON_MEDIA_TYPE) {
    const body = decodeSyncBody(bytes);
    if (body === null)
      throw new ProtocolError('invalid-request', 'Not a state vector and an update.');
    return body;
  }
  const value = parseStrictJson(bytes);
  if (!isValid('SyncRequest', value)) throw new ProtocolError('invalid-request');
  const { stateVector, update = null } = value as {
    readonly stateVector: string;
    readonly update?: string | null;
  };
  return {
    stateVector: Buffer.from(stateVector, 'base64'),
    update: update === null || update === '' ? null : Buffer.from(update, 'base64'),
  };
}

/** In the form that was asked for; in doubt, that of the request. */
function sendSync(
  request: Request,
  response: Response,
  state: DocumentState,
  isRedundant: boolean,
): void {
  const own = mediaTypeOf(request) === JSON_MEDIA_TYPE ? JSON_MEDIA_TYPE : SYNC_MEDIA_TYPE;
  const other = own === JSON_MEDIA_TYPE ? SYNC_MEDIA_TYPE : JSON_MEDIA_TYPE;
  const update = Buffer.concat(state.parts);
  if (request.accepts([own, other]) === JSON_MEDIA_TYPE) {
    response.json({
      document: documentOf(response),
      version: state.digest,
      stateVector: encodeStateVector(state.stateVector),
      update: update.toString('base64'),
      redundant: isRedundant,
    });
    return;
  }
  const body = encodeSyncBody({ stateVector: state.stateVector, update });
  response
    .set({ 'Content-Type': SYNC_MEDIA_TYPE, 'Content-Length': String(body.byteLength) })
    .end(body);
}
