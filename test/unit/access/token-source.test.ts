import { describe, expect, it } from 'vitest';
import { echoedProtocol, tokenOf, type TokenRequest } from '../../../server/access/token-source.ts';

function request(rawHeaders: readonly string[], url: string = '/notes'): TokenRequest {
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers[(rawHeaders[index] ?? '').toLowerCase()] ??= rawHeaders[index + 1] ?? '';
  }
  return { headers, rawHeaders, url };
}

describe('where tokens come from', () => {
  it.each([
    ['nothing', request([]), null],
    ['Authorization', request(['Authorization', 'Bearer a.b.c']), 'a.b.c'],
    ['J28 bearer in lower case', request(['authorization', 'bearer a.b.c']), 'a.b.c'],
    ['J28 BEARER and spaces', request(['AUTHORIZATION', 'BEARER   a.b.c ']), 'a.b.c'],
    ['Bearer without anything', request(['Authorization', 'Bearer']), ''],
    ['another scheme', request(['Authorization', 'Basic dXNlcjpwdw==']), null],
    [
      'another scheme beside ours',
      request(['Authorization', 'Basic x', 'Authorization', 'Bearer t']),
      't',
    ],
    ['the query', request([], '/notes?z=1&token=a.b.c'), 'a.b.c'],
    ['an empty one in the query', request([], '/notes?token='), ''],
    ['no token in the query', request([], '/notes?mytoken=a'), null],
    ['J19 a subprotocol', request(['Sec-WebSocket-Protocol', 'syncline, token.a.b.c']), 'a.b.c'],
    ['other subprotocols', request(['Sec-WebSocket-Protocol', 'syncline, tokens']), null],
  ])('%s', (_name, from, token) => {
    expect(tokenOf(from)).toEqual({ ok: true, token });
  });

  it.each([
    [
      'J28 two Authorization headers',
      request(['Authorization', 'Bearer a', 'authorization', 'bearer a']),
    ],
    ['J28 header and query', request(['Authorization', 'Bearer a'], '/notes?token=a')],
    ['J28 two in the query', request([], '/notes?token=a&token=a')],
    ['J28 query and subprotocol', request(['Sec-WebSocket-Protocol', 'token.a'], '/n?token=a')],
    ['J28 two subprotocols', request(['Sec-WebSocket-Protocol', 'token.a, token.b'])],
  ])('%s: refused', (_name, from) => {
    expect(tokenOf(from)).toEqual({ ok: false, code: 'invalid-request' });
  });

  it('J19 a token is never echoed', () => {
    expect(echoedProtocol(['token.a', 'syncline'])).toBe('syncline');
    expect(echoedProtocol(['token.a'])).toBe(false);
    expect(echoedProtocol([])).toBe(false);
  });
});
