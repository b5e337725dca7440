import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keySourceOf } from '../../../server/access/key-config.ts';
import { ConfigError, configFromEnv, makeConfig, optionRows } from '../../../server/config.ts';
import type { Config } from '../../../server/options.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { ecKeys, rsaKeys, SECRET } from '../../support/tokens.ts';

const rsa = rsaKeys();
const ec = ecKeys();
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const weakPem = String(weak.publicKey.export({ type: 'spki', format: 'pem' }));
const ed = generateKeyPairSync('ed25519').publicKey;
const edPem = String(ed.export({ type: 'spki', format: 'pem' }));

function problemsOf(config: Partial<Config>): string {
  try {
    makeConfig(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n');
    throw error;
  }
  return '';
}

async function algorithmOf(config: Partial<Config>): Promise<string | undefined> {
  const options = { now: () => 0, onFailure: () => undefined };
  const answer = await keySourceOf(makeConfig(config), options)?.keyFor(null);
  return typeof answer === 'object' ? answer.algorithm : answer;
}

describe('keys from the configuration', () => {
  it.each([
    ['J29 a secret of 31 bytes', { jwtSecret: SECRET.slice(0, 31) }, /JWT_SECRET .*32 bytes/],
    ['J29 one character, often', { jwtSecret: 'x'.repeat(64) }, /JWT_SECRET .*placeholder/],
    ['J29 jwt.io’s', { jwtSecret: 'a-string-secret-at-least-256-bits-long' }, /placeholder/],
    ['J29 change me', { jwtSecret: 'please-change-me-please-change-me-1234' }, /placeholder/],
    ['J29 your secret', { jwtSecret: 'your-super-long-jwt-secret-0123456789' }, /placeholder/],
    ['AUTH=jwt without a key', { auth: 'jwt' }, /needs a key/],
    ['AUTH=none with a key', { auth: 'none', jwtSecret: SECRET }, /AUTH=none.*JWT_SECRET/],
    ['two keys', { jwtSecret: SECRET, jwtPublicKey: rsa.publicPem }, /exactly one/],
    ['a private key', { jwtPublicKey: rsa.privatePem }, /private/],
    ['an RSA key of 1024 bits', { jwtPublicKey: weakPem }, /2048/],
    ['an Ed25519 key', { jwtPublicKey: edPem }, /P-256/],
    ['a file that is not there', { jwtPublicKey: '/nonexistent/key.pem' }, /ENOENT/],
    ['PEM with nothing in it', { jwtPublicKey: '-----BEGIN PUBLIC KEY-----' }, /PEM/],
    ['a JWKS_URL of another kind', { jwksUrl: 'file:///etc/passwd' }, /JWKS_URL/],
    ['a REDIS_URL that is none', { redisUrl: 'localhost:6379' }, /REDIS_URL/],
  ] satisfies [string, Partial<Config>, RegExp][])(
    '%s stops the start',
    (_name, config, problem) => {
      expect(problemsOf(config)).toMatch(problem);
    },
  );

  it('all problems are told at once, and no secret is', () => {
    const text = problemsOf({ jwtSecret: 'hunter2', jwksUrl: 'nope', redisUrl: 'nope', port: -1 });
    expect(text.split('\n').length).toBeGreaterThanOrEqual(5);
    expect(text).not.toContain('hunter2');
  });

  it('what does not parse and what does not fit are told at the same time', () => {
    const env = { PORT: 'x', JWT_SECRET: 'hunter2', TRUST_PROXY: '-1' };
    expect(() => configFromEnv(env)).toThrow(/PORT[^]*TRUST_PROXY[^]*JWT_SECRET/);
    expect(() => configFromEnv(env)).not.toThrow(/hunter2/);
  });

  it('a key implies AUTH=jwt, on any address', () => {
    expect(makeConfig({ jwtSecret: SECRET, host: '0.0.0.0' }).auth).toBe('jwt');
    expect(makeConfig({}).auth).toBe('loopback');
    expect(problemsOf({ host: '0.0.0.0' })).toMatch(/HOST/);
  });

  it('the algorithm follows from the key', async () => {
    const file = join(tempDir(), 'key.pem');
    writeFileSync(file, ec.publicPem);
    expect(await algorithmOf({ jwtSecret: SECRET })).toBe('HS256');
    expect(await algorithmOf({ jwtPublicKey: rsa.publicPem })).toBe('RS256');
    expect(await algorithmOf({ jwtPublicKey: ec.publicPem })).toBe('ES256');
    expect(await algorithmOf({ jwtPublicKey: ec.publicPem.replaceAll('\n', '\\n') })).toBe('ES256');
    expect(await algorithmOf({ jwtPublicKey: file })).toBe('ES256');
  });

  it('the table of options shows no secret and no key', () => {
    const shown = optionRows().filter(([env]) => /SECRET|KEY|REDIS/.test(env));
    expect(shown.length).toBeGreaterThanOrEqual(3);
    expect(new Set(shown.map(([, fallback]) => fallback))).toEqual(new Set(['unset']));
  });
});
