/**
 * `GET …/state`: the first load. An unchanged document costs a look at its version; a changed one is sent as it
 * lies in memory or on disk, compressed once for everybody.
 */
import { Router, type Response } from 'express';
import { CompressedStates } from './compressed-states.ts';
import { authorized, documentOf, type HttpContext } from './context.ts';
import { entityTag, matchingTag } from './entity-tags.ts';
import { sendParts } from './send-parts.ts';
import { parseStateVector, reached, setDeletes, setStateVector } from './state-vectors.ts';
import { BYTES_MEDIA_TYPE } from './body.ts';

export function stateRoutes(context: HttpContext): Router {
  const { documents, limits, timers } = context;
  const compressed = new CompressedStates(limits.stateCacheBytesMax);
  const router = Router();
  router.get(
    '/v1/documents/:doc/state',
    authorized(context, 'read'),
    reached(context),
    async (request, response) => {
      const document = documentOf(response);
      const { since } = request.query;
      const stateVector = since === undefined ? null : parseStateVector(since);
      setCaching(context, response);
      const { 'if-none-match': ifNoneMatch } = request.headers;
      if (ifNoneMatch !== undefined) {
        const { digest } = await documents.version(document);
        const tag = matchingTag(ifNoneMatch, digest);
        if (tag !== null) {
          response.set('ETag', tag).status(304).end();
          return;
        }
      }
      const state = await documents.state(document, stateVector);
      const coding = compressed.codingFor(state.bytes, request.acceptsEncodings());
      const parts =
        coding === null
          ? state.parts
          : [
              await compressed.get(
                [state.digest, typeof since === 'string' ? since : '', document].join(' '),
                coding,
                state.parts,
              ),
            ];
      const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
      response.set({
        ETag: entityTag(state.digest, coding),
        'Content-Type': BYTES_MEDIA_TYPE,
        'Content-Length': String(length),
        'X-Document-Version': state.digest,
        ...(coding === null ? {} : { 'Content-Encoding': coding }),
      });
      setStateVector(response, state.stateVector);
      setDeletes(response, state.deletes);
      setDurability(context, response, state.isDurable);
      if (request.method === 'HEAD') response.end();
      else await sendParts(response, parts, { timers, sendStallMs: limits.sendStallMs });
    },
  );
  return router;
}

/** Kept by whoever may, and asked for again every time: a validator makes that cheap. */
export function setCaching({ access }: HttpContext, response: Response): void {
  response.set({
    'Cache-Control': `${access.isEnforced ? 'private' : 'public'}, no-cache`,
    'Accept-Ranges': 'none',
  });
  response.vary('Accept-Encoding');
  if (access.isEnforced) response.vary('Authorization');
}

/** While the disk refuses writes, what is in memory is served and said to be so. [I5] */
export function setDurability(context: HttpContext, response: Response, isDurable: boolean): void {
  if (!isDurable || context.report().store.status === 'degraded') {
    response.set('X-Durability', 'degraded');
  }
}
