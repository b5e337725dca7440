/**
 * `GET …/content`: a root of a document for readers without Yjs. An unchanged document costs a look at its version;
 * a changed one is rendered in a worker, once for all who ask at the same time.
 */
import { Router, type Request } from 'express';
import { ProtocolError } from '../protocol/errors.ts';
import type { ContentRequest, ContentType } from '../rooms/content.ts';
import { CompressedStates } from './compressed-states.ts';
import { authorized, documentOf, type HttpContext } from './context.ts';
import { entityTag, matchingTag } from './entity-tags.ts';
import { rootNameOf, textOf } from './query.ts';
import { sendParts } from './send-parts.ts';
import { setCaching, setDurability } from './state.ts';
import { reached } from './state-vectors.ts';

/** The first one is what a caller gets that does not mind. */
const MEDIA_TYPES: Readonly<Record<ContentType, readonly string[]>> = {
  text: ['text/plain', 'application/json'],
  xml: ['application/xml'],
  map: ['application/json'],
  array: ['application/json'],
};

/** For those who come at the same time; what changes is rendered anew anyway. */
const COMPRESSED_BYTES_MAX = 8 * 1024 * 1024;

export function contentRoutes(context: HttpContext): Router {
  const { content, limits, timers } = context;
  const compressed = new CompressedStates(COMPRESSED_BYTES_MAX);
  const router = Router();
  router.get(
    '/v1/documents/:doc/content',
    authorized(context, 'read'),
    reached(context),
    async (request, response) => {
      const document = documentOf(response);
      const { asked, mediaType } = contentRequestOf(request);
      setCaching(context, response);
      response.vary('Accept');
      const { 'if-none-match': ifNoneMatch } = request.headers;
      if (ifNoneMatch !== undefined) {
        const tag = matchingTag(ifNoneMatch, await content.tagOf(document, asked));
        if (tag !== null) {
          response.set('ETag', tag).status(304).end();
          return;
        }
      }
      const { tag, digest, isDurable, body } = await content.render(document, asked);
      const coding = compressed.codingFor(body.byteLength, request.acceptsEncodings());
      const bytes =
        coding === null ? body : await compressed.get(`${tag} ${document}`, coding, [body]);
      response.set({
        ETag: entityTag(tag, coding),
        'Content-Type': `${mediaType}; charset=utf-8`,
        'Content-Length': String(bytes.byteLength),
        'X-Document-Version': digest,
        ...(coding === null ? {} : { 'Content-Encoding': coding }),
      });
      // The tag names these bytes: nobody behind may code them otherwise.
      if (coding === null) response.append('Cache-Control', 'no-transform');
      setDurability(context, response, isDurable);
      if (request.method === 'HEAD') response.end();
      else await sendParts(response, [bytes], { timers, sendStallMs: limits.sendStallMs });
    },
  );
  return router;
}

function contentRequestOf(request: Request): {
  readonly asked: ContentRequest;
  readonly mediaType: string;
} {
  const type = typeOf(textOf(request, 'type'));
  const mediaType = request.accepts([...MEDIA_TYPES[type]]);
  if (mediaType === false) throw new ProtocolError('not-acceptable');
  const form = mediaType === 'application/json' ? 'delta' : 'plain';
  return { asked: { type, rootName: rootNameOf(request), form }, mediaType };
}

function typeOf(text: string | undefined): ContentType {
  if (text !== undefined && Object.hasOwn(MEDIA_TYPES, text)) return text as ContentType;
  throw new ProtocolError(
    'invalid-request',
    `\`type\` is one of ${Object.keys(MEDIA_TYPES).join(', ')}.`,
  );
}
