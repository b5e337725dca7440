/**
 * Where a request carries its token: `Authorization: Bearer`, `?token=` (stock clients cannot set headers), or
 * an entry `token.<jwt>` of `Sec-WebSocket-Protocol` (browsers' only header on a WebSocket). At most one of
 * them: two credentials in one request are a mistake or a trick, and picking either would be a guess.
 * Tokens are neither decoded nor kept here, and must not reach a log.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorCode } from '../protocol/errors.ts';

export type TokenOf =
  | { readonly ok: true; readonly token: string | null }
  | { readonly ok: false; readonly code: ErrorCode };

/** What of an `IncomingMessage` (or an Express request) is read. */
export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  /** Node keeps only the first of two Authorization headers in `headers`. */
  readonly rawHeaders: readonly string[];
  readonly url?: string | undefined;
}

const BEARER = /^bearer(?: +(.*))?$/i;
const SUBPROTOCOL_PREFIX = 'token.';

export function tokenOf(request: TokenRequest): TokenOf {
  const tokens = [...bearerTokens(request), ...queryTokens(request), ...protocolTokens(request)];
  if (tokens.length > 1) return { ok: false, code: 'invalid-request' };
  return { ok: true, token: tokens[0] ?? null };
}

/** The subprotocol to answer with: the client's first that is no token; false without one. */
export function echoedProtocol(protocols: Iterable<string>): string | false {
  for (const protocol of protocols) if (!protocol.startsWith(SUBPROTOCOL_PREFIX)) return protocol;
  return false;
}

/** Other schemes (a proxy's Basic, say) are none of ours. */
function* bearerTokens({ rawHeaders }: TokenRequest): Iterable<string> {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'authorization') continue;
    const match = BEARER.exec(rawHeaders[index + 1] ?? '');
    if (match !== null) yield (match[1] ?? '').trim();
  }
}

function queryTokens({ url }: TokenRequest): readonly string[] {
  const start = url?.indexOf('?') ?? -1;
  return url === undefined || start === -1 || !url.includes('token=', start)
    ? []
    : new URLSearchParams(url.slice(start)).getAll('token');
}

function* protocolTokens({ headers }: TokenRequest): Iterable<string> {
  for (const entry of headers['sec-websocket-protocol']?.split(',') ?? []) {
    const protocol = entry.trim();
    if (protocol.startsWith(SUBPROTOCOL_PREFIX)) yield protocol.slice(SUBPROTOCOL_PREFIX.length);
  }
}
