/** First loads: coded once for everybody, cheap when nothing changed, bounded when many ask; and what a broken disk does. */
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { forgeItems } from '../../support/forge.ts';
import { startNode } from '../../support/in-process-node.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATH = pathOf('large');
const MIB = 1024 * 1024;

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Without a client library that decodes by itself. */
async function rawGet(
  url: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<RawAnswer> {
  return await new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

/** One sample of a node's metrics, over HTTP. */
async function sample(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

const words = (bytes: number): string => 'all work and no play '.repeat(bytes / 21);

describe('GET …/state', () => {
  it('is coded as the client takes it, with a tag of its own, which If-None-Match knows', async () => {
    const { url } = await startNode();
    const rest = new Rest(url);
    await rest.put(PATH, textUpdate(words(100_000)));
    const plain = await rawGet(url + PATH + '/state', {});
    const digest = String(plain.headers['x-document-version']);
    expect(plain.headers['etag']).toBe(`"${digest}"`);
    expect(plain.headers['accept-ranges']).toBe('none');
    expect(plain.headers['cache-control']).toBe('public, no-cache');
    expect(plain.headers['vary']).toContain('Accept-Encoding');
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync };
    for (const [coding, suffix] of [
      ['gzip', '-gz'],
      ['br', '-br'],
    ] as const) {
      const coded = await rawGet(url + PATH + '/state', { 'Accept-Encoding': coding });
      expect(coded.headers['content-encoding']).toBe(coding);
      expect(coded.headers['etag']).toBe(`"${digest}${suffix}"`);
      expect(coded.body.byteLength).toBeLessThan(plain.body.byteLength / 10);
      expect(decoders[coding](coded.body)).toEqual(plain.body);
      const same = await rawGet(url + PATH + '/state', {
        'Accept-Encoding': coding,
        'If-None-Match': `"${digest}${suffix}"`,
      });
      expect([same.status, same.body.byteLength]).toEqual([304, 0]);
      expect(same.headers['etag']).toBe(`"${digest}${suffix}"`);
    }
    const refused = await rawGet(url + PATH + '/state', { 'Accept-Encoding': 'br;q=0, gzip;q=0' });
    expect(refused.headers['content-encoding']).toBeUndefined();
    const head = await rawGet(url + PATH + '/state', {}, 'HEAD');
    expect(head.headers['content-length']).toBe(String(plain.body.byteLength));
    expect(head.headers['etag']).toBe(plain.headers['etag']);
  });

  it('a small one is not coded', async () => {
    const { url } = await startNode();
    await new Rest(url).put(PATH, textUpdate('short'));
    const answer = await rawGet(url + PATH + '/state', { 'Accept-Encoding': 'gzip, br' });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it('since a state vector: what the caller lacks, and only that', async () => {
    const { url } = await startNode();
    const rest = new Rest(url);
    await rest.put(PATH, textUpdate(words(50_000), 1));
    const doc = await rest.document('large');
    const since = Buffer.from(Y.encodeStateVector(doc)).toString('base64url');
    const nothing = await rest.get(`${PATH}/state?since=${since}`);
    expect(nothing.body.byteLength).toBeLessThan(20);
    await rest.post(`${PATH}/updates`, textUpdate('news', 2));
    const news = await rest.get(`${PATH}/state?since=${since}`);
    expect(news.body.byteLength).toBeLessThan(200);
    Y.applyUpdate(doc, news.body);
    expect(doc.getText('text').toString()).toContain('news');
  });

  it('R09 304 costs a millisecond of CPU or less, whatever the size of the document', async () => {
    const { url } = await NodeProcess.start({ dataDir: tempDir() });
    const rest = new Rest(url);
    await rest.put(PATH, forgeItems(1, [{ text: words(8 * MIB) }]));
    const tag = String((await rest.get(PATH)).headers.get('etag'));
    const ask = async (): Promise<void> => {
      const { status } = await fetch(`${url + PATH}/state`, { headers: { 'If-None-Match': tag } });
      expect(status).toBe(304);
    };
    for (let warmUp = 0; warmUp < 500; warmUp++) await ask();
    const startS = await sample(url, 'process_cpu_seconds_total');
    for (let time = 0; time < 1000; time++) await ask();
    const tookMs = (await sample(url, 'process_cpu_seconds_total')) - startS;
    // 0.8 ms on a loaded machine, of which 0.5 are the write to the socket; see docs/API.md.
    expect(tookMs).toBeLessThan(2);
  });

  it('R18 1,000 readers of a 20 MB document at once share it: memory stays, each gets it or a 503', async () => {
    const { url } = await NodeProcess.start({
      dataDir: tempDir(),
      env: { REQUESTS_MAX: '60', SEND_STALL_MS: '60000' },
    });
    const rest = new Rest(url);
    await rest.put(PATH, forgeItems(1, [{ text: words(20 * MIB) }]));
    await rest.get(`${PATH}/state`);
    const before = await sample(url, 'process_resident_memory_bytes');
    const counts: Record<string, number> = {};
    // Each reads to the end and keeps nothing.
    const read = async (): Promise<void> => {
      const key = await new Promise<string>((resolve) => {
        request(`${url + PATH}/state`, { agent: false }, (response) => {
          let length = 0;
          response.on('data', (chunk: Buffer) => (length += chunk.byteLength));
          response.on('error', (error) => {
            resolve(error.message);
          });
          response.on('end', () => {
            // Compaction may write the same in other bytes meanwhile.
            const isWhole =
              length === Number(response.headers['content-length']) &&
              (length < 4096 || length > 20 * MIB - 64);
            resolve(`${response.statusCode ?? 0} ${isWhole ? 'whole' : 'cut'}`);
          });
        })
          .on('error', (error) => {
            resolve(error.message);
          })
          .end();
      });
      counts[key] = (counts[key] ?? 0) + 1;
    };
    await Promise.all(Array.from({ length: 1000 }, read));
    expect(Object.keys(counts).toSorted()).toEqual(['200 whole', '503 whole']);
    expect(counts['200 whole']).toBeGreaterThanOrEqual(60);
    // 60 × 20 MB would be 1.2 GB; each reader holds a slice.
    const after = await sample(url, 'process_resident_memory_bytes');
    expect((after - before) / MIB).toBeLessThan(150);
  });

  it('R18 many who want it compressed wait for one compression', async () => {
    const { url } = await startNode();
    await new Rest(url).put(PATH, textUpdate(words(4 * MIB)));
    const start = process.cpuUsage();
    const one = await rawGet(`${url + PATH}/state`, { 'Accept-Encoding': 'gzip' });
    const ofOne = process.cpuUsage(start).user;
    const again = process.cpuUsage();
    const all = await Promise.all(
      Array.from({ length: 100 }, () =>
        rawGet(`${url + PATH}/state`, { 'Accept-Encoding': 'gzip' }),
      ),
    );
    expect(all.every(({ body }) => body.equals(one.body))).toBe(true);
    expect(process.cpuUsage(again).user).toBeLessThan(ofOne * 50);
  });

  it('a reader that takes nothing is let go', async () => {
    const { url, node } = await startNode({ sendStallMs: 300 });
    await new Rest(url).put(PATH, forgeItems(1, [{ text: words(24 * MIB) }]));
    const raw = new RawHttp(url).head(`GET ${PATH}/state`);
    raw.socket.pause();
    await waitUntil('the answer has ended', async () =>
      (await node.metrics()).includes(
        'http_requests_total{route="/v1/documents/{doc}/state",method="GET",status="200"} 1',
      ),
    );
    raw.socket.resume();
    await raw.closed();
    expect(raw.received.length).toBeLessThan(24 * MIB);
  });
});

describe('while the disk takes no writes', () => {
  it('R22 what is in memory is read and said to be so; R23 writes are 503, and good again afterwards', async () => {
    let made: MemoryStore | undefined;
    const { url, node } = await startNode(
      { writeTimeoutMs: 500 },
      { createStore: (observer) => (made = new MemoryStore({ observer })) },
    );
    const store = made;
    if (store === undefined) throw new Error('no store');
    const rest = new Rest(url);
    await rest.put(PATH, textUpdate('before'));
    store.failWrites();
    const first = await rest.post(`${PATH}/updates`, textUpdate('during'));
    expect([first.status, first.code]).toEqual([503, 'store-unavailable']);
    await waitUntil(
      'the store is degraded',
      async () => (await fetch(`${url}/readyz`)).status === 503,
    );
    for (const [method, path] of [
      ['POST', `${PATH}/updates`],
      ['PUT', pathOf('new')],
    ] as const) {
      const refused = await rest.send(method, path, { body: textUpdate('during') });
      expect([refused.status, refused.code]).toEqual([503, 'store-unavailable']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const read = await rest.get(`${PATH}/state`);
    expect([read.status, read.headers.get('x-durability')]).toEqual([200, 'degraded']);
    store.recover();
    await waitUntil('the store is open', async () => (await fetch(`${url}/readyz`)).status === 200);
    expect((await rest.post(`${PATH}/updates`, textUpdate('after'))).status).toBe(200);
    expect((await rest.get(`${PATH}/state`)).headers.get('x-durability')).toBeNull();
    expect(await node.metrics()).toContain('http_problem_total{type="store-unavailable"}');
  });
});

describe('X-Min-Delete-Digest', () => {
  it('R10 what the caller has deleted elsewhere: 503 after 2 s; what is deleted here: at once', async () => {
    const rest = new Rest((await startNode()).url);
    const path = pathOf('deletes');
    const doc = new Y.Doc();
    doc.getText('t').insert(0, 'abc');
    await rest.post(`${path}/updates`, Y.encodeStateAsUpdate(doc));
    const before = Y.encodeStateVector(doc);
    doc.getText('t').delete(1, 1);
    const written = await rest.post(`${path}/updates`, Y.encodeStateAsUpdate(doc, before));
    const digest = String(written.headers.get('x-delete-digest'));
    const state = await rest.get(`${path}/state`, { 'X-Min-Delete-Digest': digest });
    expect([state.status, state.headers.get('x-delete-digest')]).toEqual([200, digest]);
    doc.getText('t').delete(0, 2);
    const all = Buffer.from(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(doc))).subarray(1);
    const behind = await rest.get(path, { 'X-Min-Delete-Digest': all.toString('base64url') });
    expect([behind.status, behind.code]).toEqual([503, 'replica-behind']);
    for (const none of ['!', 'AAAA', digest.slice(0, -2)]) {
      const refused = await rest.get(path, { 'X-Min-Delete-Digest': none });
      expect([none, refused.status, refused.code]).toEqual([none, 400, 'invalid-request']);
    }
  });
});
