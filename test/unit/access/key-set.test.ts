/** Keys from a JWKS URL, served by a real HTTP server that can be slow, broken or gone. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeySet } from '../../../server/access/key-set.ts';
import { ecKeys, rsaKeys, type KeyPair } from '../../support/tokens.ts';

const rsa = rsaKeys();
const next = rsaKeys();
const ec = ecKeys();

const jwk = (keys: KeyPair, kid: string, more: object = {}): object => ({
  ...keys.publicKey.export({ format: 'jwk' }),
  kid,
  ...more,
});

class Issuer {
  readonly #server: Server;
  fetches = 0;
  keys: unknown[] = [];
  /** What it answers instead of its keys; `hang`: nothing. */
  fault: 'hang' | 'error' | 'garbage' | 'huge' | null = null;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.fetches += 1;
      if (this.fault === 'hang') return;
      if (this.fault === 'error') response.writeHead(500).end();
      else if (this.fault === 'garbage') response.end('<html>');
      else if (this.fault === 'huge') response.end('x'.repeat(1_000_000));
      else response.end(JSON.stringify({ keys: this.keys }));
    });
  }

  static async start(keys: unknown[]): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.keys = keys;
    await new Promise<void>((resolve) => {
      issuer.#server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      issuer.stop();
    });
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface Rig {
  readonly set: KeySet;
  nowMs: number;
  failures: number;
}

function keySet(url: string): Rig {
  const rig: Rig = {
    nowMs: 0,
    failures: 0,
    set: new KeySet({
      url,
      now: () => rig.nowMs,
      onFailure: () => {
        rig.failures += 1;
      },
    }),
  };
  onTestFinished(() => {
    rig.set.close();
  });
  return rig;
}

async function algorithmOf({ set }: Rig, kid: string | null): Promise<string> {
  const answer = await set.keyFor(kid);
  return typeof answer === 'string' ? answer : answer.algorithm;
}

describe('a key set', () => {
  it('is fetched once for all its keys, however many ask at once', async () => {
    const issuer = await Issuer.start([jwk(rsa, 'a'), jwk(ec, 'b')]);
    const rig = keySet(issuer.url);
    const answers = await Promise.all(['a', 'b', 'a', 'b'].map((kid) => algorithmOf(rig, kid)));
    expect(answers).toEqual(['RS256', 'ES256', 'RS256', 'ES256']);
    expect(issuer.fetches).toBe(1);
  });

  it('a token without a kid finds the key only if there is just one', async () => {
    const one = keySet((await Issuer.start([jwk(rsa, 'a')])).url);
    const two = keySet((await Issuer.start([jwk(rsa, 'a'), jwk(ec, 'b')])).url);
    expect(await algorithmOf(one, null)).toBe('RS256');
    expect(await algorithmOf(two, null)).toBe('unknown');
  });

  it('J13 unknown ids cost one fetch a minute, whatever they are', async () => {
    const issuer = await Issuer.start([jwk(rsa, 'a')]);
    const rig = keySet(issuer.url);
    await rig.set.keyFor('a');
    for (let count = 0; count < 1000; count += 1) {
      rig.nowMs += 59;
      expect(await algorithmOf(rig, `unknown-${count}`)).toBe('unknown');
    }
    expect(issuer.fetches).toBe(1);
    rig.nowMs += 60_000;
    await rig.set.keyFor('unknown');
    expect(issuer.fetches).toBe(2);
  });

  it('a key that was rotated in is found at the next fetch', async () => {
    const issuer = await Issuer.start([jwk(rsa, 'a')]);
    const rig = keySet(issuer.url);
    await rig.set.keyFor('a');
    issuer.keys = [jwk(next, 'n')];
    rig.nowMs = 61_000;
    expect(await algorithmOf(rig, 'n')).toBe('RS256');
    expect(await algorithmOf(rig, 'a')).toBe('unknown');
  });

  it('a key that was withdrawn leaves within minutes, without an unknown id', async () => {
    const issuer = await Issuer.start([jwk(rsa, 'a'), jwk(ec, 'b')]);
    const rig = keySet(issuer.url);
    await rig.set.keyFor('a');
    issuer.keys = [jwk(ec, 'b')];
    rig.nowMs = 11 * 60_000;
    await expect.poll(() => algorithmOf(rig, 'a')).toBe('unknown');
  });

  it.each(['hang', 'error', 'garbage', 'huge'] as const)(
    'goes on with the keys it has when the URL answers with %s',
    async (fault) => {
      const issuer = await Issuer.start([jwk(rsa, 'a')]);
      const rig = keySet(issuer.url);
      await rig.set.keyFor('a');
      issuer.fault = fault;
      rig.nowMs = 3_600_000;
      const startedMs = performance.now();
      expect(await algorithmOf(rig, 'a')).toBe('RS256');
      expect(performance.now() - startedMs).toBeLessThan(1000);
      if (fault !== 'hang') await expect.poll(() => rig.failures).toBe(1);
      rig.nowMs = 25 * 3_600_000;
      expect(await algorithmOf(rig, 'a')).toBe('unavailable');
    },
  );

  it('without any keys says so in bounded time, and recovers when the URL does', async () => {
    const issuer = await Issuer.start([jwk(rsa, 'a')]);
    issuer.fault = 'hang';
    const rig = keySet(issuer.url);
    const startedMs = performance.now();
    expect(await algorithmOf(rig, 'a')).toBe('unavailable');
    expect(performance.now() - startedMs).toBeLessThan(4000);
    issuer.fault = null;
    expect(await algorithmOf(rig, 'a')).toBe('unavailable');
    rig.nowMs = 2001;
    expect(await algorithmOf(rig, 'a')).toBe('RS256');
  });

  it.each([
    ['symmetric', { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }],
    ['for encryption', jwk(rsa, 'x', { use: 'enc' })],
    ['of another algorithm', jwk(rsa, 'x', { alg: 'RS512' })],
    ['not a key', 'x'],
    ['broken', { kty: 'RSA', n: '!', e: 'AQAB', kid: 'x' }],
  ])('leaves out a key that is %s', async (_name, entry) => {
    const rig = keySet((await Issuer.start([jwk(ec, 'good'), entry])).url);
    expect(await algorithmOf(rig, 'good')).toBe('ES256');
    expect(await algorithmOf(rig, 'x')).toBe('unknown');
  });
});
