/** `syncline token`: what it prints opens a node that has the same environment. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import type { Config } from '../../../server/options.ts';
import { startNode } from '../../support/in-process-node.ts';
import { knock } from '../../support/knock.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { AUDIENCE, ecKeys, ISSUER, rsaKeys, SECRET, SECRET_NODE } from '../../support/tokens.ts';

const CLI = fileURLToPath(new URL('../../../server/cli/main.js', import.meta.url));
const ENV = { JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = ENV): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, [CLI, 'token', ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

async function outcomeOf(
  config: Partial<Config>,
  text: string,
  times: number = 1,
): Promise<string[]> {
  const { webSocketUrl } = await startNode(config, {
    createStore: (observer) => new MemoryStore({ observer }),
  });
  const outcomes: string[] = [];
  for (let count = 0; count < times; count += 1) {
    const outcome = await knock(webSocketUrl, 'team-a/notes', { token: text });
    outcomes.push(outcome.kind === 'closed' ? outcome.reason : outcome.kind);
  }
  return outcomes;
}

const USUAL = ['--doc', 'team-a/*', '--access', 'write', '--user', 'ann', '--expires', '1h'];

describe('syncline token', () => {
  it('prints a token that a node with the same environment accepts, and nothing else', async () => {
    const { code, out, err } = await run(USUAL);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(await outcomeOf(SECRET_NODE, out.trim())).toEqual(['in']);
  });

  it('--once prints a ticket: good for one use', async () => {
    const { out } = await run([...USUAL, '--once']);
    expect(await outcomeOf(SECRET_NODE, out.trim(), 2)).toEqual(['in', 'invalid-token']);
  });

  it.each([
    ['RSA', rsaKeys()],
    ['P-256', ecKeys()],
  ])('signs with a private key on %s from a file', async (_name, keys) => {
    const file = join(tempDir(), 'private.pem');
    writeFileSync(file, keys.privatePem);
    const { out } = await run([...USUAL, '--private-key', file], {});
    expect(await outcomeOf({ jwtPublicKey: keys.publicPem }, out.trim())).toEqual(['in']);
  });

  it.each([
    ['no key', USUAL, {}, /set JWT_SECRET .* or pass --private-key/],
    [
      'a short secret',
      USUAL,
      { JWT_SECRET: 'short-c0ffee' },
      /JWT_SECRET must be at least 32 bytes/,
    ],
    ['a file that is not there', [...USUAL, '--private-key', '/nonexistent'], {}, /cannot read/],
    ['an unknown level', [...USUAL, '--access', 'owner'], ENV, /read, write, admin/],
    ['a time without a unit', [...USUAL, '--expires', '60'], ENV, /30s, 15min, 1h or 7d/],
    ['no user', ['--doc', 'x'], ENV, /--user/],
    ['no document', ['--user', 'x'], ENV, /--doc/],
  ])('%s: exit 2, nothing on stdout, a sentence that helps', async (_name, args, env, message) => {
    const { code, out, err } = await run(args, env);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).not.toContain('c0ffee');
  });

  it('says when a node would not accept the lifetime', async () => {
    const { code, out, err } = await run([...USUAL, '--expires', '7d']);
    expect(code).toBe(0);
    expect(err).toMatch(/TOKEN_LIFETIME_MAX_MS/);
    expect(await outcomeOf(SECRET_NODE, out.trim())).toEqual(['invalid-token']);
    expect(
      await outcomeOf({ ...SECRET_NODE, tokenLifetimeMaxMs: 7 * 86_400_000 }, out.trim()),
    ).toEqual(['in']);
  });
});
