/** The bare process as an operator meets it: help, exit codes, signals, what stands on stdout. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OPTIONS } from '../../server/options.ts';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

interface Run {
  stdout: string;
  stderr: string;
  code: number | null;
  kill: (signal: NodeJS.Signals) => void;
  exited: Promise<number | null>;
}

function run(args: readonly string[], env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...env },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const result: Run = {
    stdout: '',
    stderr: '',
    code: null,
    kill: (signal) => child.kill(signal),
    exited: new Promise((resolve) => {
      child.once('close', (code) => {
        result.code = code;
        resolve(code);
      });
    }),
  };
  child.stdout.on('data', (data: Buffer) => {
    result.stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    result.stderr += data.toString();
  });
  return result;
}

describe('the server process', () => {
  it('--help names every option, and exits 0', async () => {
    const help = run(['--help'], {});
    expect(await help.exited).toBe(0);
    for (const option of OPTIONS) expect(help.stdout).toContain(option.env);
  });

  it('says everything that is wrong with the configuration in one message, and exits 2', async () => {
    const bad = run([], { PORT: 'x', LOG_LEVEL: 'loud', FRAME_BYTES_MAX: '1' });
    expect(await bad.exited).toBe(2);
    for (const name of ['PORT', 'LOG_LEVEL', 'FRAME_BYTES_MAX']) expect(bad.stderr).toContain(name);
    expect(bad.stdout).toBe('');
  });

  it('refuses an address that others reach unless told AUTH=none', async () => {
    const open = run([], { HOST: '0.0.0.0', PORT: '0', DATA_DIR: tempDir() });
    expect(await open.exited).toBe(2);
    expect(open.stderr).toContain('AUTH=none');
  });

  it('prints its URL as the first line, drains on SIGTERM and exits 0', async () => {
    const node = run([], { PORT: '0', DATA_DIR: tempDir() });
    await waitUntil('the URL', () => node.stdout.includes('\n'));
    const url = node.stdout.split('\n', 1)[0] ?? '';
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('updates_accepted_total');
    const missing = await fetch(`${url}/nope`);
    expect(missing.status).toBe(404);
    expect(missing.headers.get('content-type')).toContain('application/problem+json');
    const client = new SyncClient(url.replace(/^http/, 'ws'), 'notes');
    await client.whenSynced();
    node.kill('SIGTERM');
    await client.whenClosed();
    expect(client.closeCode).toBe(1012);
    expect(await node.exited).toBe(0);
  });

  it('exits 78 on a folder in use, naming the process that has it', async () => {
    const dataDir = tempDir();
    const first = run([], { PORT: '0', DATA_DIR: dataDir });
    await waitUntil('the URL', () => first.stdout.includes('\n'));
    const second = run([], { PORT: '0', DATA_DIR: dataDir });
    expect(await second.exited).toBe(78);
    expect(second.stderr).toMatch(/in use/);
    first.kill('SIGTERM');
    expect(await first.exited).toBe(0);
  });

  it('exits 78 on a folder in doubt, saying what to do', async () => {
    const dataDir = join(tempDir(), 'data');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, '000005.ldb'), 'not a database');
    const node = run([], { PORT: '0', DATA_DIR: dataDir });
    expect(await node.exited).toBe(78);
    expect(node.stderr).toContain('syncline repair');
  });

  it('exits 69 when the address is taken', async () => {
    const first = run([], { PORT: '0', DATA_DIR: tempDir() });
    await waitUntil('the URL', () => first.stdout.includes('\n'));
    const { port } = new URL(first.stdout.split('\n', 1)[0] ?? '');
    const second = run([], { PORT: port, DATA_DIR: tempDir() });
    expect(await second.exited).toBe(69);
    expect(second.stderr).toContain('PORT');
  });

  it('[I7] logs no token, no text and no bytes', async () => {
    const node = run([], { PORT: '0', DATA_DIR: tempDir(), LOG_LEVEL: 'trace' });
    await waitUntil('the URL', () => node.stdout.includes('\n'));
    const url = (node.stdout.split('\n', 1)[0] ?? '').replace(/^http/, 'ws');
    const client = new SyncClient(url, 'notes');
    await client.whenSynced();
    client.doc.getText('text').insert(0, 'a secret sentence');
    await client.whenAcked(client.requestAck());
    await fetch(`${url.replace(/^ws/, 'http')}/readyz?token=a-secret-token`);
    client.sendSync(2, Buffer.from('01010100840105017800', 'hex'));
    await client.whenClosed();
    node.kill('SIGTERM');
    await node.exited;
    expect(node.stdout).toContain('an update was refused');
    expect(node.stdout).not.toContain('secret');
  });
});
