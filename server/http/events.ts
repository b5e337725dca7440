/**
 * Routes of the second transport: the stream of a document's events, and the presence of whoever reads it. Its
 * updates go to `POST …/updates?connection=`, which is a write like any other.
 */
import { Router, type Request, type Response } from 'express';
import { allows } from '../access/access.ts';
import * as Y from 'yjs';
import { Pass } from '../connections/pass.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { bytesOf, readsBytes } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext } from './context.ts';
import type { EventStream, EventStreams, StreamRequest } from './event-stream.ts';
import { parseStateVector } from './state-vectors.ts';

/** A state and its clock; what else a client says about presence is ignored. */
const PRESENCE_OVERHEAD_BYTES = 1024;
const NOTHING = Uint8Array.of(0);

export function eventRoutes(context: HttpContext): Router {
  const { documents, streams, limits } = context;
  const passContext = {
    access: context.access,
    timers: context.timers,
    recheckIntervalMs: limits.recheckIntervalMs,
  };
  const router = Router();
  router.get(
    '/v1/documents/:doc/events',
    authorized(context, 'read'),
    async (request, response) => {
      const { identity, access, caller } = callOf(response);
      const document = documentOf(response);
      const start = startOf(request);
      if (request.method === 'HEAD') {
        response.set('Cache-Control', 'no-store').type('text/event-stream').end();
        return;
      }
      streams.admit();
      const stream: StreamRequest = {
        ...start,
        document,
        identity,
        canWrite: allows(access, 'write'),
        pass: context.access.isEnforced
          ? new Pass(passContext, caller, document, identity, access)
          : null,
        lastEventId: request.get('Last-Event-ID') ?? null,
      };
      streams.open(response, stream, await documents.openRoom(document));
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
function startOf(request: Request): Pick<StreamRequest, 'stateVector' | 'clocks'> {
  const since = request.query['since'];
  const stateVector = since === undefined ? NOTHING : parseStateVector(since);
  return { stateVector, clocks: Y.decodeStateVector(stateVector) };
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
