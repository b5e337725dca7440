/** `GET /v1/documents`: names that the caller may read, a page at a time, at bounded cost a page. */
import { Router, type Request } from 'express';
import { allows } from '../access/access.ts';
import { parseDocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { authorized, callOf, type HttpContext } from './context.ts';
import { Cursors } from './cursor.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const PREFIX_LENGTH_MAX = 200;
/** Names that one page looks at; a hook is asked about each. */
const LOOKED_AT_MAX = 2000;
const ASKED_MAX = 200;

export function documentListRoutes(context: HttpContext): Router {
  const { documents, access } = context;
  const cursors = new Cursors();
  const router = Router();
  // Anybody with a token may ask; each sees what is theirs.
  router.get('/v1/documents', authorized(context, 'none'), async (request, response) => {
    const { identity } = callOf(response);
    const limit = limitOf(request);
    const prefix = textOf(request, 'prefix', PREFIX_LENGTH_MAX);
    const cursor = textOf(request, 'cursor');
    const found = await documents.list({
      ...(prefix === undefined ? {} : { prefix }),
      ...(cursor === undefined ? {} : { after: cursors.decode(cursor) }),
      limit: access.isEnforced ? lookedAtMax() : limit + 1,
    });
    const page: { name: string; createdAt: string | null }[] = [];
    let last: { readonly name: string; readonly isReadable: boolean } | null = null;
    let hasMore = false;
    for (const { name, createdAtMs } of found) {
      hasMore = page.length === limit;
      if (hasMore) break;
      const document = parseDocumentName(name);
      const level = document === null ? 'none' : await access.accessTo(identity, document);
      const isReadable = allows(level, 'read');
      if (isReadable) {
        const createdAt = createdAtMs === null ? null : new Date(createdAtMs).toISOString();
        page.push({ name, createdAt });
      }
      // A name that no route can be asked for is skipped, but must not be lost as a place in the order.
      if (document !== null) last = { name, isReadable };
    }
    hasMore ||= access.isEnforced && found.length === lookedAtMax();
    response.set('Cache-Control', 'no-store').json({
      documents: page,
      cursor: hasMore && last !== null ? cursors.encode(last.name, last.isReadable) : null,
    });
  });
  return router;

  function lookedAtMax(): number {
    return access.hasHook ? ASKED_MAX : LOOKED_AT_MAX;
  }
}

function limitOf(request: Request): number {
  const text = textOf(request, 'limit');
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIMIT_MAX) {
    throw new ProtocolError('invalid-request', `\`limit\` is a number from 1 to ${LIMIT_MAX}.`);
  }
  return limit;
}

/** A parameter that stands once, or not at all. */
function textOf(request: Request, name: string, lengthMax = 2048): string | undefined {
  const value: unknown = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > lengthMax) {
    throw new ProtocolError('invalid-request', `\`${name}\` is not what the API describes.`);
  }
  return value;
}
