/** `GET /v1/documents`: names that the caller may read, a page at a time, at bounded cost a page. */
import { Router } from 'express';
import { allows } from '../access/access.ts';
import { parseDocumentName } from '../protocol/document-name.ts';
import { authorized, callOf, type HttpContext } from './context.ts';
import { Cursors } from './cursor.ts';
import { limitOf, textOf } from './query.ts';

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
