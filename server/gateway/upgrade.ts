/**
 * What an upgrade request asks for, decided before a WebSocket exists: which document in which dialect. Pure;
 * refusals carry the row of the error table.
 */
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import type { ErrorCode } from '../protocol/errors.ts';

export type Target =
  | {
      readonly ok: true;
      /** Null: the path names none, which only a Hocuspocus provider does not mind. */
      readonly document: DocumentName | null;
      readonly isYSweet: boolean;
      /** What acks are to mean, as it stands in `?durability=`; null: nothing said. */
      readonly durability: string | null;
    }
  | { readonly ok: false; readonly code: ErrorCode };

/** `/d/ID/ws/ID`: Y-Sweet (both ids must match). Anything else: the path is the document's name (y-websocket), or says nothing (Hocuspocus). */
const Y_SWEET_PATH = /^\/d\/([^/]+)\/ws\/([^/]+)$/;

export function parseTarget(url: string | undefined): Target {
  const [path = '', query = ''] = (url ?? '').split('?', 2);
  const ySweet = Y_SWEET_PATH.exec(path);
  if (ySweet !== null && ySweet[1] !== ySweet[2]) return { ok: false, code: 'not-found' };
  const durability = query.includes('durability=')
    ? new URLSearchParams(query).get('durability')
    : null;
  const encoded = ySweet?.[1] ?? path.slice(1);
  if (encoded === '') return { ok: true, document: null, isYSweet: false, durability };
  let text: string;
  try {
    text = decodeURIComponent(encoded);
  } catch {
    return { ok: false, code: 'invalid-document-name' };
  }
  const document = parseDocumentName(text);
  if (document === null) return { ok: false, code: 'invalid-document-name' };
  return { ok: true, document, isYSweet: ySweet !== null, durability };
}
