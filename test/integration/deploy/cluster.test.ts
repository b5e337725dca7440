/** `npm run cluster`, as somebody meets it in a terminal: what it prints, what it leaves behind (nothing). */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openProvider, textOf } from '../../support/providers.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const MAIN = fileURLToPath(new URL('../../../chaos/cluster-main.js', import.meta.url));
const ROW = /^(\w*) +(\S+) +((?:http|redis):\/\/\S+) +(\d+) *$/gm;

interface Run {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  readonly exited: Promise<number | null>;
}

interface Member {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const result: Run = {
    child,
    stdout: '',
    stderr: '',
    exited: new Promise((resolve) => {
      child.once('exit', resolve);
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

async function started(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ run: Run; members: readonly Member[] }> {
  const cluster = run(args, env);
  await waitUntil(
    'the cluster has printed its table',
    () => {
      if (cluster.child.exitCode !== null) throw new Error(cluster.stderr);
      return cluster.stdout.includes('ctrl-c ends everything.');
    },
    30_000,
  );
  const members = [...cluster.stdout.matchAll(ROW)].map(([, , name = '', url = '', pid]) => ({
    name,
    url,
    pid: Number(pid),
  }));
  return { run: cluster, members };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Through a node, or through HAProxy: an edit that is on disk when this resolves. */
async function write(url: string, document: string): Promise<void> {
  const client = new SyncClient(url.replace(/^http/, 'ws'), document);
  await client.whenSynced();
  client.doc.getText('text').insert(0, document);
  await client.whenAcked(client.requestAck());
  const response = await fetch(`${url}/v1/documents/${encodeURIComponent(document)}`);
  expect(response.status).toBe(200);
  client.destroy();
}

const folders = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('syncline-cluster-'));

describe('npm run cluster', () => {
  it('prints who is where, serves through every proxy, survives the death of a node, and ends in order on ctrl-c', async () => {
    const temporary = tempDir();
    const { run: cluster, members } = await started(['--regions', '2', '--nodes', '2'], {
      TMPDIR: temporary,
    });
    expect(members.map(({ name }) => name)).toEqual(
      'HAProxy eu-1 eu-2 Redis HAProxy us-1 us-2 Redis'.split(' '),
    );
    for (const { name, url, pid } of members) {
      expect(isAlive(pid), name).toBe(true);
      if (name === 'Redis') continue;
      expect((await fetch(url)).headers.get('content-type'), name).toContain('text/html');
    }
    const [proxy, first] = members;
    if (proxy === undefined || first === undefined) throw new Error('nobody there');
    await write(proxy.url, 'before');

    const [ann, bob] = members
      .filter(({ name }) => name === 'HAProxy')
      .map(({ url }) => openProvider(url.replace('http', 'ws'), 'shared'));
    if (ann === undefined || bob === undefined) throw new Error('no two regions');
    ann.doc.getText('text').insert(0, 'from eu');
    ann.awareness.setLocalStateField('cursor', 3);
    await waitUntil('the other region has the edit', () => textOf(bob) === 'from eu');
    await waitUntil('and the cursor', () => {
      return bob.awareness.getStates().get(ann.doc.clientID)?.['cursor'] === 3;
    });

    process.kill(first.pid, 'SIGKILL');
    await waitUntil('the loss is told', () => {
      return cluster.stderr.includes('[eu-1] ended by SIGKILL; the others go on');
    });
    // Whichever node had them: reads and upgrades are tried on the other one at once.
    for (const document of ['a', 'b', 'c', 'd']) await write(proxy.url, document);

    // As under npm, which passes on what the terminal has sent already.
    cluster.child.kill('SIGINT');
    cluster.child.kill('SIGINT');
    expect(await cluster.exited).toBe(0);
    expect(cluster.stderr).toContain('all ended in order');
    for (const { name, pid } of members) expect(isAlive(pid), name).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
    expect(cluster.stderr).not.toMatch(/\[us-\d\]|haproxy\] .*ALERT/);
  });

  it('leaves nobody behind when it is killed itself, stopped processes included', async () => {
    const temporary = tempDir();
    const { run: cluster, members } = await started(['--regions', '1', '--nodes', '1'], {
      TMPDIR: temporary,
    });
    const node = members.find(({ name }) => name === 'eu-1');
    if (node === undefined) throw new Error('no node');
    process.kill(node.pid, 'SIGSTOP');
    cluster.child.kill('SIGKILL');
    await cluster.exited;
    await waitUntil('all are gone', () => members.every(({ pid }) => !isAlive(pid)));
    await waitUntil('its folder is gone', () => readdirSync(temporary).length === 0);
  });

  it('--access asks for tokens and prints two; --data keeps the documents', async () => {
    const data = tempDir();
    const { run: cluster, members } = await started([
      '--regions',
      '1',
      '--nodes',
      '1',
      '--access',
      '--data',
      data,
    ]);
    const url = members[0]?.url ?? '';
    const tokenOf = (what: string): string =>
      new RegExp(`^token ${what} +(\\S+)$`, 'm').exec(cluster.stdout)?.[1] ?? '';
    expect((await fetch(`${url}/v1/documents/notes`)).status).toBe(401);
    const asked = async (path: string, token: string): Promise<number> =>
      (await fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}` } })).status;
    // 503 until it knows that there is nobody else who could have it.
    await waitUntil('a document that nobody has', async () => {
      return (await asked('/v1/documents/notes', tokenOf('to write'))) === 404;
    });
    expect(await asked('/v1/cluster', tokenOf('of operators'))).toBe(200);
    cluster.child.kill('SIGTERM');
    expect(await cluster.exited).toBe(0);
    expect(existsSync(`${data}/eu-1`)).toBe(true);
  });

  it('says what to install when a program is missing, and exits 69', async () => {
    const before = folders();
    const cluster = run([], { PATH: '/nowhere' });
    expect(await cluster.exited).toBe(69);
    expect(cluster.stderr).toMatch(
      /needs redis-server.*\n?.*apt-get install -y --no-install-recommends redis-server/,
    );
    expect(folders()).toEqual(before);
  });

  it.each([
    [['--help'], 0, /--base-port/],
    [['--regions', '11'], 2, /from 1 to 10/],
    [['--nodes', 'two'], 2, /from 1 to 16/],
  ])('%s exits %i', async (args, code, said) => {
    const cluster = run(args);
    expect(await cluster.exited).toBe(code);
    expect(`${cluster.stdout}${cluster.stderr}`).toMatch(said);
  });
});
