/**
 * The one token of a request: `Authorization: Bearer …`, or `?token=` where no header can be sent. Two of them are
 * no token: which one counts would depend on who looks. Never logged, never echoed.
 */
import type { IncomingMessage } from 'node:http';
import { ProtocolError } from '../protocol/errors.ts';

const BEARER = /^bearer +([^ ]+)$/i;

/** Null when the request brings none. @throws ProtocolError `invalid-request` for two, `invalid-token` */
export function tokenOf(request: Pick<IncomingMessage, 'rawHeaders' | 'url'>): string | null {
  const { rawHeaders } = request;
  const found: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'authorization') continue;
    const token = BEARER.exec(rawHeaders[index + 1] ?? '')?.[1];
    if (token === undefined) throw new ProtocolError('invalid-token');
    found.push(token);
  }
  const query = request.url?.split('?', 2)[1];
  if (query !== undefined) found.push(...new URLSearchParams(query).getAll('token'));
  if (found.length > 1) throw new ProtocolError('invalid-request', 'More than one token.');
  return found[0] ?? null;
}
