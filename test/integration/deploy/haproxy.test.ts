/** deploy/haproxy.cfg, run by the real HAProxy: who gets which document, who gets nobody, what passes. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { EXAMPLE, haproxyConfig } from '../../../chaos/haproxy-config.ts';
import { requirePrograms } from '../../../chaos/programs.ts';
import { EventReader } from '../../support/event-reader.ts';
import { StandIn, startHaproxy } from '../../support/haproxy.ts';
import { startNode } from '../../support/in-process-node.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const SHIPPED = fileURLToPath(new URL('../../../../deploy/haproxy.cfg', import.meta.url));
const DOCUMENTS = Array.from({ length: 60 }, (_, index) => `notes ${index}/a+b`);

interface Asked {
  readonly url: string;
  readonly nodes: readonly StandIn[];
}

async function standIns(count: number): Promise<Asked> {
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index) => await StandIn.start(`node-${index + 1}`)),
  );
  return { nodes, url: await startHaproxy(nodes) };
}

async function answererOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  expect(response.status).toBe(200);
  return ((await response.json()) as { name: string }).name;
}

/** Opens a WebSocket and resolves with it and the name of who took it. */
async function join(url: string, path: string): Promise<{ socket: WebSocket; name: string }> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`);
  onTestFinished(() => {
    socket.terminate();
  });
  let name = '';
  let failure: Error | null = null;
  socket.once('message', (data: Buffer) => {
    name = data.toString();
  });
  socket.once('error', (error) => {
    failure = error;
  });
  await waitUntil('the socket is taken', () => {
    if (failure !== null) throw failure;
    return name !== '';
  });
  return { socket, name };
}

const restPath = (document: string): string =>
  `/v1/documents/${encodeURIComponent(document)}/state`;

describe('deploy/haproxy.cfg', () => {
  it('is what the template gives (else: npm run docs)', () => {
    expect(readFileSync(SHIPPED, 'utf8')).toBe(haproxyConfig(EXAMPLE));
  });

  it('is accepted by haproxy -c without a warning', () => {
    const checked = spawnSync(requirePrograms().haproxy, ['-c', '-f', SHIPPED], {
      encoding: 'utf8',
    });
    expect(`${checked.stdout}${checked.stderr}`).not.toMatch(/WARNING|ALERT/);
    expect(checked.status).toBe(0);
  });

  it('routes the same document to the same node, whatever the dialect, and spreads documents', async () => {
    const { url } = await standIns(3);
    const counts = new Map<string, number>();
    for (const document of DOCUMENTS) {
      const name = await answererOf(`${url}${restPath(document)}`);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const encoded = encodeURIComponent(document);
      const paths = [`/${encoded}`, `/${document.split('/').map(encodeURIComponent).join('/')}`];
      for (const path of [...paths, `/d/${encoded}/ws/${encoded}`]) {
        const { socket, name: taker } = await join(url, path);
        expect(taker, path).toBe(name);
        socket.terminate();
      }
      expect(await answererOf(`${url}/d/${encoded}/update`, { method: 'POST' })).toBe(name);
    }
    expect([...counts.keys()].toSorted()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(Math.min(...counts.values())).toBeGreaterThan(DOCUMENTS.length / 3 / 3);
  });

  it('gives a node that says 503 nobody new, and leaves it whom it has; only its documents move', async () => {
    const { url, nodes } = await standIns(3);
    const { socket, name } = await join(url, '/notes');
    const before = await Promise.all(
      DOCUMENTS.map(async (document) => await answererOf(`${url}${restPath(document)}`)),
    );
    const drained = nodes.find((node) => node.name === name);
    if (drained === undefined) throw new Error(`who is ${name}?`);
    drained.isReady = false;
    await waitUntil('others take its documents', async () => {
      return (await answererOf(`${url}${restPath('notes')}`)) !== name;
    });
    const after = await Promise.all(
      DOCUMENTS.map(async (document) => await answererOf(`${url}${restPath(document)}`)),
    );
    expect(after).not.toContain(name);
    expect((await join(url, '/notes')).name).not.toBe(name);
    for (const [index, owner] of before.entries()) {
      if (owner !== name) expect(after[index]).toBe(owner);
    }
    let echoed = '';
    socket.on('message', (data: Buffer) => {
      echoed = data.toString();
    });
    socket.send('still here');
    await waitUntil('the old socket answers', () => echoed === 'still here');

    drained.isReady = true;
    await waitUntil('its documents come back', async () => {
      return (await answererOf(`${url}${restPath('notes')}`)) === name;
    });
  });

  it('tries a read on another node when one refuses, and never repeats a write', async () => {
    const { url, nodes } = await standIns(2);
    const owner = await answererOf(`${url}${restPath('notes')}`);
    const refusing = nodes.find((node) => node.name === owner);
    if (refusing === undefined) throw new Error(`who is ${owner}?`);
    refusing.isRefusing = true;
    expect(await answererOf(`${url}${restPath('notes')}`)).not.toBe(owner);
    const seen = nodes.map((node) => node.seen.length);
    const write = await fetch(`${url}/v1/documents/notes/updates`, { method: 'POST', body: 'x' });
    expect(write.status).toBe(503);
    expect(nodes.flatMap((node, index) => node.seen.slice(seen[index]))).toEqual([
      'POST /v1/documents/notes/updates',
    ]);
  });

  it('adds the address of the client behind whatever the client has claimed', async () => {
    const { url } = await standIns(1);
    const response = await fetch(`${url}/v1/documents/notes`, {
      headers: { 'X-Forwarded-For': '10.9.8.7' },
    });
    expect(await response.json()).toMatchObject({ forwardedFor: '10.9.8.7, 127.0.0.1' });
  });

  it('keeps probes and metrics from the outside, but not documents of these names', async () => {
    const { url, nodes } = await standIns(1);
    for (const path of ['/metrics', '/readyz', '/healthz/', '/Metrics']) {
      expect((await fetch(`${url}${path}`)).status, path).toBe(404);
    }
    expect(nodes[0]?.seen).toEqual([]);
    expect((await join(url, '/metrics')).name).toBe('node-1');
  });

  it('passes WebSockets and event streams of real nodes, unbuffered', async () => {
    const { url: nodeUrl } = await startNode({ trustProxy: 1 });
    const proxyUrl = await startHaproxy([
      { name: 'node-1', address: nodeUrl.replace('http://', '') },
    ]);
    const reader = await EventReader.open(proxyUrl, 'notes');
    expect(reader.response.headers.get('content-type')).toContain('text/event-stream');
    const writer = new SyncClient(proxyUrl.replace(/^http/, 'ws'), 'notes');
    onTestFinished(() => {
      writer.destroy();
    });
    await writer.whenSynced();
    writer.doc.getText('text').insert(0, 'through the proxy');
    await waitUntil('the edit comes as an event', () => reader.of('update').length > 0, 2_000);
  });

  it('cuts nothing that is waiting: a request whose body comes slowly arrives whole', async () => {
    const { url } = await standIns(1);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sending = request(`${url}/v1/documents/notes/updates`, { method: 'POST' });
      sending.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sending.on('error', reject);
      sending.write('first');
      setImmediate(() => sending.end('last'));
    });
    expect(status).toBe(200);
  });
});
