/**
 * What an upgrade request asks for, decided before a WebSocket exists: which document in which dialect, and
 * whether the page it comes from may. Pure; refusals carry the row of the error table.
 */
import type { IncomingMessage } from 'node:http';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import type { ErrorCode } from '../protocol/errors.ts';

export type Target =
  | { readonly ok: true; readonly document: DocumentName }
  | { readonly ok: false; readonly code: ErrorCode };

/** `/d/ID/ws/ID`: Y-Sweet (both ids must match). Anything else: the path is the document's name (y-websocket). */
const Y_SWEET_PATH = /^\/d\/([^/]+)\/ws\/([^/]+)$/;

export function parseTarget(url: string | undefined): Target {
  const path = (url ?? '').split('?', 1)[0] ?? '';
  const ySweet = Y_SWEET_PATH.exec(path);
  if (ySweet !== null && ySweet[1] !== ySweet[2]) return { ok: false, code: 'not-found' };
  const encoded = ySweet?.[1] ?? path.slice(1);
  if (encoded === '') return { ok: false, code: 'not-found' };
  let text: string;
  try {
    text = decodeURIComponent(encoded);
  } catch {
    return { ok: false, code: 'invalid-document-name' };
  }
  const document = parseDocumentName(text);
  return document === null ? { ok: false, code: 'invalid-document-name' } : { ok: true, document };
}

export interface OriginPolicy {
  readonly allowedOrigins: readonly string[];
  /** Without access control a page of the node's own origin counts only when that origin is loopback. */
  readonly isLoopbackOnly: boolean;
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;

/**
 * Browsers send `Origin` with every upgrade; programs need not. Exact match on scheme, host and port. A node
 * without access control takes its own origin from the Host header only if that names loopback: otherwise a
 * hostile site that rebinds its name to 127.0.0.1 would be "same origin".
 */
export function isOriginAllowed(request: IncomingMessage, policy: OriginPolicy): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (policy.allowedOrigins.includes(origin)) return true;
  if (host === undefined || (policy.isLoopbackOnly && !LOOPBACK_HOST.test(host))) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}
