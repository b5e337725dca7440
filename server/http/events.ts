/**
 * Routes of the second transport: the stream of a document's events, and the presence of whoever reads it. Its
 * updates go to `POST …/updates?connection=`, which is a write like any other.
 */
import { Router, type Request, type Response } from 'express';
import { allows } from '../access/access.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { readStateVector } from '../rooms/updates/version.ts';
import { bytesOf, readsBytes } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import type { EventStream, EventStreams } from './event-stream.ts';

/** What a URL can hold anyway; a client that knows more authors leaves some out and is sent more. */
const STATE_VECTOR_BYTES_MAX = 64 * 1024;
const BASE64URL = /^[\w-]*$/;
/** A state and its clock; what else a client says about presence is ignored. */
const PRESENCE_OVERHEAD_BYTES = 1024;
const NOTHING = Uint8Array.of(0);

export function eventRoutes(context: HttpContext): Router {
  const { documents, streams, limits } = context;
  const router = Router();
  router.get(
    '/v1/documents/:doc/events',
    authorized(context, 'read'),
    async (request, response) => {
      const { identity, access } = callOf(response);
      const document = documentOf(response);
      const start = startOf(request);
      if (request.method === 'HEAD') {
        response.set('Cache-Control', 'no-store').type('text/event-stream').end();
        return;
      }
      streams.admit();
      const canWrite = allows(access, 'write');
      const lastEventId = request.get('Last-Event-ID') ?? null;
      const room = await documents.openRoom(document);
      streams.open(response, { document, identity, canWrite, lastEventId, ...start }, room);
    },
  );
  router.post(
    '/v1/documents/:doc/presence',
    authorized(context, 'read'),
    readsBytes(context, { bytesMax: limits.presenceBytesMax + PRESENCE_OVERHEAD_BYTES }),
    (request, response) => {
      const result = streamOf(streams, request, response).session.applyPresence(bytesOf(response));
      if (result.kind === 'refused') throw new ProtocolError(result.code);
      response.status(204).end();
    },
  );
  return router;
}

/** What the client has: `since`, a state vector; nothing without one. */
function startOf(request: Request): {
  readonly stateVector: Uint8Array;
  readonly clocks: ReadonlyMap<number, number>;
} {
  const since = request.query['since'];
  if (since === undefined) return { stateVector: NOTHING, clocks: new Map() };
  if (typeof since !== 'string' || !BASE64URL.test(since)) {
    throw new ProtocolError('invalid-state-vector');
  }
  const stateVector = Buffer.from(since, 'base64url');
  const clocks = readStateVector(stateVector, STATE_VECTOR_BYTES_MAX);
  if (clocks === null) throw new ProtocolError('invalid-state-vector');
  return { stateVector, clocks };
}

function streamOf(streams: EventStreams, request: Request, response: Response): EventStream {
  const id = request.query['connection'];
  const stream =
    typeof id === 'string'
      ? streams.find(id, callOf(response).identity, documentOf(response))
      : null;
  if (stream === null) throw new ProtocolError('connection-not-found');
  return stream;
}
