import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isOriginAllowed, parseTarget } from '../../../server/gateway/upgrade.ts';

const request = (headers: Record<string, string>): IncomingMessage =>
  ({ headers }) as unknown as IncomingMessage;

describe('parseTarget', () => {
  it.each([
    ['/notes', 'notes'],
    ['/team/notes?token=x', 'team/notes'],
    ['/a%20b', 'a b'],
    ['/team%2Fnotes', 'team/notes'],
    ['/d/abc/ws/abc?z=1', 'abc'],
    ['/d/abc', 'd/abc'],
  ])('%s is document %s', (url, document) => {
    expect(parseTarget(url)).toEqual({ ok: true, document });
  });

  it.each([
    ['/', 'not-found'],
    ['/d/a/ws/b', 'not-found'],
    ['/%', 'invalid-document-name'],
    ['/%00', 'invalid-document-name'],
    ['/..%2f..%2fetc', 'invalid-document-name'],
    ['/a/../b', 'invalid-document-name'],
    [`/${'x'.repeat(4096)}`, 'invalid-document-name'],
  ])('%s is refused with %s', (url, code) => {
    expect(parseTarget(url)).toEqual({ ok: false, code });
  });
});

describe('isOriginAllowed', () => {
  const open = { allowedOrigins: ['https://app.example.com'], isLoopbackOnly: false };
  const loopback = { allowedOrigins: [], isLoopbackOnly: true };
  const host = 'sync.example.com:8443';

  it.each([
    [undefined, true],
    ['https://app.example.com', true],
    [`https://${host}`, true],
    ['https://evil.example', false],
    ['null', false],
    ['https://APP.example.com', false],
    ['https://app.example.com.', false],
    ['https://app.example.com:444', false],
    ['https://app.example.com.evil.com', false],
    ['https://sync.example.com', false],
  ])('origin %s: %s', (origin, isAllowed) => {
    const headers = origin === undefined ? { host } : { host, origin };
    expect(isOriginAllowed(request(headers), open)).toBe(isAllowed);
  });

  it('a name that was rebound to loopback is not the own origin of a node without access control', () => {
    const rebound = { host: 'evil.example:1234', origin: 'http://evil.example:1234' };
    expect(isOriginAllowed(request(rebound), loopback)).toBe(false);
    const own = { host: 'localhost:1234', origin: 'http://localhost:1234' };
    expect(isOriginAllowed(request(own), loopback)).toBe(true);
  });
});
