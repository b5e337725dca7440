import { describe, expect, it } from 'vitest';
import { isHostAllowed, isOriginAllowed } from '../../../server/access/origin.ts';

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
    expect(isOriginAllowed({ headers: headers }, open)).toBe(isAllowed);
  });

  it('a name that was rebound to loopback is not the own origin of a node without access control', () => {
    const rebound = { host: 'evil.example:1234', origin: 'http://evil.example:1234' };
    expect(isOriginAllowed({ headers: rebound }, loopback)).toBe(false);
    const own = { host: 'localhost:1234', origin: 'http://localhost:1234' };
    expect(isOriginAllowed({ headers: own }, loopback)).toBe(true);
  });
});

describe('isHostAllowed', () => {
  const loopback = { allowedOrigins: ['https://app.example.com'], isLoopbackOnly: true };

  it.each([
    ['localhost:1234', true],
    ['127.0.0.1', true],
    ['[::1]:1234', true],
    ['app.example.com', true],
    ['evil.example:1234', false],
    ['127.0.0.1.evil.example', false],
  ])('a node without access control that is asked as %s: %s', (host, isAllowed) => {
    expect(isHostAllowed(host, loopback)).toBe(isAllowed);
  });

  it('with access control any name will do: there is nothing to gain without a token', () => {
    expect(isHostAllowed('any.example', { allowedOrigins: [], isLoopbackOnly: false })).toBe(true);
  });
});
