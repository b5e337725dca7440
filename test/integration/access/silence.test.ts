/** Tokens and keys are never logged, whatever is asked of the log and however a token comes. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as encoding from 'lib0/encoding';
import { describe, expect, it, onTestFinished } from 'vitest';
import { knock, whenClosed, type Carrier } from '../../support/knock.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { AUDIENCE, ISSUER, SECRET, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const MAIN = fileURLToPath(new URL('../../../server/main.js', import.meta.url));
const DOCUMENT = 'team/notes';
const REDIS_PASSWORD = 'hush-7f3a9c';

interface Spoken {
  readonly url: string;
  readonly output: () => string;
  readonly end: () => Promise<void>;
}

/** The real program, as it is started by hand, with everything logged. */
async function startProgram(): Promise<Spoken> {
  let output = '';
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: tempDir(),
      LOG_LEVEL: 'trace',
      JWT_SECRET: SECRET,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
      // Nobody there: its errors are logged too.
      REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:1`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString();
    });
  }
  await waitUntil('the URL', () => output.includes('\n'));
  const url = output.split('\n', 1)[0] ?? '';
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    url,
    output: () => output,
    end: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

describe('the log', () => {
  it('[I7] J18 has no token and no secret in it, at LOG_LEVEL=trace, however they were sent', async () => {
    const program = await startProgram();
    const socketUrl = program.url.replace(/^http/, 'ws');
    const good = token();
    const bad = `${token({ sub: 'mallory' }).slice(0, -6)}AAAAAA`;
    const foreign = token({ docs: [{ match: 'else', access: 'read' }] });
    const renewal = token({ jti: 'renewed' });
    const secrets = [good, bad, foreign, renewal];

    for (const text of [good, bad, foreign]) {
      for (const carrier of ['query', 'header', 'subprotocol'] satisfies Carrier[]) {
        const outcome = await knock(socketUrl, DOCUMENT, { token: text, carrier });
        if (outcome.kind === 'in') outcome.socket.close();
      }
      for (const path of [`/v1/documents/team%2Fnotes`, '/nothing/here', '/v1/documents/%']) {
        await fetch(`${program.url}${path}?token=${text}`);
        await fetch(`${program.url}${path}`, { headers: { Authorization: `Bearer ${text}` } });
        await fetch(`${program.url}${path}?token=${text}`, {
          headers: { Authorization: `Bearer ${text}` },
        });
      }
    }
    // In band: one that is good, then one that is not.
    const inBand = await knock(socketUrl, DOCUMENT, { token: good });
    if (inBand.kind !== 'in') throw new Error('not let in');
    for (const text of [renewal, bad]) {
      inBand.socket.send(
        encoding.encode((encoder) => {
          encoding.writeVarUint(encoder, 2);
          encoding.writeVarUint(encoder, 0);
          encoding.writeVarString(encoder, text);
        }),
      );
    }
    expect((await whenClosed(inBand.socket)).code).toBe(4401);
    await program.end();

    const output = program.output();
    expect(output).toContain('connection opened');
    expect(output).toContain('tokens were refused');
    for (const text of secrets) {
      expect(output).not.toContain(text);
      // Nor its parts: the signature is the secret one, the payload the private one.
      for (const part of text.split('.').slice(1)) expect(output).not.toContain(part);
    }
    expect(output).not.toContain(SECRET);
    expect(output).not.toContain(REDIS_PASSWORD);
  });

  it('--help shows no value of a secret option', async () => {
    const child = spawn(process.execPath, [MAIN, '--help'], {
      env: {
        PATH: process.env['PATH'],
        JWT_SECRET: SECRET,
        REDIS_URL: `redis://:${REDIS_PASSWORD}@x`,
      },
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await new Promise((resolve) => {
      child.once('close', resolve);
    });
    expect(output).toContain('JWT_SECRET');
    expect(output).not.toContain(SECRET);
    expect(output).not.toContain(REDIS_PASSWORD);
  });

  it('J29 a weak secret stops the start with exit 2, in words that do not repeat it', async () => {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env['PATH'], DATA_DIR: tempDir(), JWT_SECRET: 'tooshort-c0ffee' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        output += data.toString();
      });
    }
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    expect(code).toBe(2);
    expect(output).toMatch(/JWT_SECRET must be at least 32 bytes/);
    expect(output).not.toContain('c0ffee');
  });
});
