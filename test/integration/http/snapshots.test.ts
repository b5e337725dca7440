/** Snapshots over REST: kept, listed, fetched, compared, restored while others edit, and still there after kill -9. */
import * as Y from 'yjs';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../../server/options.ts';
import { startNode } from '../../support/in-process-node.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { pathOf, Rest, textUpdate, type RestAnswer } from '../../support/rest.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { admin, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const BYTES = { Accept: 'application/octet-stream' };

async function start(config: Partial<Config> = {}): Promise<Rest> {
  return new Rest((await startNode(config)).url);
}

/** A document whose text is `text`, and a way to go on editing it. */
async function write(rest: Rest, name: string, text: string): Promise<Y.Doc> {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  expect((await rest.put(pathOf(name), Y.encodeStateAsUpdate(doc))).status).toBe(201);
  return doc;
}

async function edit(
  rest: Rest,
  name: string,
  doc: Y.Doc,
  change: (text: Y.Text) => void,
): Promise<void> {
  const before = Y.encodeStateVector(doc);
  doc.transact(() => {
    change(doc.getText('text'));
  });
  const answer = await rest.post(`${pathOf(name)}/updates`, Y.encodeStateAsUpdate(doc, before));
  expect(answer.status).toBe(200);
}

async function snapshot(rest: Rest, name: string, label?: string): Promise<string> {
  const json = label === undefined ? {} : { label };
  const answer = await rest.send('POST', `${pathOf(name)}/snapshots`, { json });
  expect(answer.status).toBe(201);
  return String(answer.json['id']);
}

async function restore(rest: Rest, name: string, id: string): Promise<RestAnswer> {
  return await rest.send('POST', `${pathOf(name)}/snapshots/${id}/restore`);
}

async function textOf(rest: Rest, name: string): Promise<string> {
  return (await rest.document(name)).getText('text').toString();
}

describe('a snapshot over REST', () => {
  it('is made of the version that is there, and says who made it and when', async () => {
    const rest = (await start(SECRET_NODE)).as(token());
    await write(rest, 'team/a', 'first');
    const path = `${pathOf('team/a')}/snapshots`;
    const made = await rest.send('POST', path, { json: { label: 'before lunch' } });
    expect(made.headers.get('location')).toBe(`${path}/${String(made.json['id'])}`);
    const { version } = (await rest.get(pathOf('team/a'))).json;
    expect(made.json).toMatchObject({ label: 'before lunch', author: 'ann', version });
    expect(Date.parse(String(made.json['createdAt']))).toBeGreaterThan(Date.now() - 60_000);
    expect((await rest.get(String(made.headers.get('location')))).json).toEqual(made.json);
  });

  it('needs no body', async () => {
    const rest = await start();
    await write(rest, 'a', 'x');
    const made = await rest.send('POST', `${pathOf('a')}/snapshots`);
    expect([made.status, made.json['label']]).toEqual([201, null]);
  });

  it('holds what was acked to a socket before the request', async () => {
    const { url, webSocketUrl } = await startNode();
    const rest = new Rest(url);
    const client = new SyncClient(webSocketUrl, 'live');
    await client.whenSynced();
    client.doc.getText('text').insert(0, 'acked');
    await client.whenAcked(client.requestAck());
    const id = await snapshot(rest, 'live');
    const state = await rest.get(`${pathOf('live')}/snapshots/${id}`, BYTES);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, state.body);
    expect(doc.getText('text').toString()).toBe('acked');
  });

  it('is listed newest first, a page at a time', async () => {
    const rest = await start();
    await write(rest, 'a', 'x');
    for (const label of ['1', '2', '3', '4', '5']) await snapshot(rest, 'a', label);
    const labels: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Record<string, unknown> = (
        await rest.get(`${pathOf('a')}/snapshots?limit=2${query}`)
      ).json;
      labels.push((page['snapshots'] as { label: string }[]).map(({ label }) => label));
      cursor = page['cursor'] as string | null;
    } while (cursor !== null);
    expect(labels).toEqual([['5', '4'], ['3', '2'], ['1']]);
  });

  it('is fetched as an update, gzipped or not, with a tag', async () => {
    const rest = await start();
    await write(rest, 'a', 'x'.repeat(5000));
    const path = `${pathOf('a')}/snapshots/${await snapshot(rest, 'a')}`;
    const plain = await rest.get(path, { ...BYTES, 'Accept-Encoding': 'identity' });
    const gzipped = await rest.get(path, { ...BYTES, 'Accept-Encoding': 'gzip' });
    expect(gzipped.headers.get('content-encoding')).toBe('gzip');
    expect(Number(gzipped.headers.get('content-length'))).toBeLessThan(500);
    expect(gzipped.body).toEqual(plain.body);
    const tags = [plain, gzipped].map(({ headers }) => String(headers.get('etag')));
    expect(tags[0]).not.toBe(tags[1]);
    for (const tag of tags) {
      expect((await rest.get(path, { ...BYTES, 'If-None-Match': tag })).status).toBe(304);
      expect((await rest.get(path, { 'If-None-Match': tag })).status).toBe(200);
    }
  });

  it('R18 is read once for many who fetch it at the same time', async () => {
    const rest = await start();
    await write(rest, 'a', 'x'.repeat(100_000));
    const path = `${pathOf('a')}/snapshots/${await snapshot(rest, 'a')}`;
    const answers = await Promise.all(Array.from({ length: 60 }, () => rest.get(path, BYTES)));
    for (const { status, body } of answers) {
      expect([status, body.byteLength]).toEqual([200, answers[0]?.body.byteLength]);
    }
  });

  it('is deleted; the others stay', async () => {
    const rest = await start();
    await write(rest, 'a', 'x');
    const [first, second] = [await snapshot(rest, 'a'), await snapshot(rest, 'a')];
    const path = `${pathOf('a')}/snapshots`;
    expect((await rest.send('DELETE', `${path}/${first}`)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      const gone = await rest.send(method, `${path}/${first}`);
      expect([gone.status, gone.code]).toEqual([404, 'snapshot-not-found']);
    }
    expect((await rest.get(`${path}/${first}`, BYTES)).code).toBe('snapshot-not-found');
    expect((await restore(rest, 'a', first)).code).toBe('snapshot-not-found');
    const { snapshots } = (await rest.get(path)).json;
    expect(snapshots).toMatchObject([{ id: second }]);
  });

  it('SNAPSHOTS_MAX is exact, also for those who come at once', async () => {
    const rest = await start({ snapshotsMax: 3 });
    await write(rest, 'a', 'x');
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => rest.send('POST', `${pathOf('a')}/snapshots`)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ code }) => code === 'snapshot-limit')).toHaveLength(3);
    const made = answers.find(({ status }) => status === 201);
    await rest.send('DELETE', `${pathOf('a')}/snapshots/${String(made?.json['id'])}`);
    await snapshot(rest, 'a');
  });

  it('goes with its document', async () => {
    const rest = await start();
    await write(rest, 'a', 'x');
    const id = await snapshot(rest, 'a');
    expect((await rest.send('DELETE', pathOf('a'))).status).toBe(204);
    for (const path of ['', `/${id}`, `/${id}/diff?name=text`]) {
      const answer = await rest.get(`${pathOf('a')}/snapshots${path}`);
      expect([answer.status, answer.code]).toEqual([404, 'document-deleted']);
    }
    expect((await restore(rest, 'a', id)).code).toBe('document-deleted');
    expect((await rest.send('POST', `${pathOf('a')}/snapshots`)).code).toBe('document-deleted');
  });

  it.each([
    ['a label of 201 characters', { label: 'x'.repeat(201) }],
    ['a label that is no text', { label: 7 }],
    ['a member that is not known', { name: 'x' }],
    ['a list', []],
  ])('%s is 400, and makes none', async (_what, json) => {
    const rest = await start();
    await write(rest, 'a', 'x');
    const answer = await rest.send('POST', `${pathOf('a')}/snapshots`, { json });
    expect([answer.status, answer.code]).toEqual([400, 'invalid-request']);
    expect((await rest.get(`${pathOf('a')}/snapshots`)).json['snapshots']).toEqual([]);
  });

  it('R08 of a document that does not exist is 404, and creates nothing', async () => {
    const rest = await start();
    const answer = await rest.send('POST', `${pathOf('absent')}/snapshots`);
    expect([answer.status, answer.code]).toEqual([404, 'document-not-found']);
    expect((await rest.get('/v1/documents')).json['documents']).toEqual([]);
  });

  it('R17 the same Idempotency-Key twice makes one', async () => {
    const rest = await start();
    await write(rest, 'a', 'x');
    const options = { headers: { 'Idempotency-Key': 'k' }, json: { label: 'once' } };
    const first = await rest.send('POST', `${pathOf('a')}/snapshots`, options);
    const second = await rest.send('POST', `${pathOf('a')}/snapshots`, options);
    expect(second.json).toEqual(first.json);
    expect((await rest.get(`${pathOf('a')}/snapshots`)).json['snapshots']).toHaveLength(1);
  });
});

describe('a difference over REST', () => {
  it('is a unified diff, or a list', async () => {
    const rest = await start();
    const doc = await write(rest, 'a', 'one\ntwo\nthree\n');
    const id = await snapshot(rest, 'a');
    await edit(rest, 'a', doc, (text) => {
      text.delete(4, 3);
      text.insert(4, 'TWO');
    });
    const path = `${pathOf('a')}/snapshots/${id}/diff?type=text&name=text`;
    const unified = await rest.get(path);
    expect(unified.headers.get('content-type')).toBe('text/x-diff; charset=utf-8');
    expect(unified.text).toContain('@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n');
    const { changes } = (await rest.get(path, { Accept: 'application/json' })).json;
    expect(changes).toEqual([
      { kind: 'equal', text: 'one\n' },
      { kind: 'removed', text: 'two' },
      { kind: 'added', text: 'TWO' },
      { kind: 'equal', text: '\nthree\n' },
    ]);
    const later = await snapshot(rest, 'a');
    expect((await rest.get(`${path}&to=${later}`)).text).toContain('+TWO');
    expect((await rest.get(`${path}&to=nothing`)).code).toBe('snapshot-not-found');
    expect((await rest.get(`${path}&to=now`)).status).toBe(200);
    const map = await rest.get(`${pathOf('a')}/snapshots/${id}/diff?type=map&name=text`);
    expect(map.code).toBe('invalid-request');
  });
});

describe('restoring over REST', () => {
  it('is an edit that the connected see; a second time changes nothing', async () => {
    const { url, webSocketUrl } = await startNode();
    const rest = new Rest(url);
    const client = new SyncClient(webSocketUrl, 'live');
    await client.whenSynced();
    const text = client.doc.getText('text');
    text.insert(0, 'the good old text');
    await client.whenAcked(client.requestAck());
    const id = await snapshot(rest, 'live');
    text.delete(0, 8);
    text.insert(0, 'no ');
    await client.whenAcked(client.requestAck());
    const answer = await restore(rest, 'live', id);
    expect(answer.json).toMatchObject({ document: 'live', redundant: false });
    await waitUntil('the text is restored', () => client.text === 'the good old text');
    const again = await restore(rest, 'live', id);
    expect(again.json).toMatchObject({ redundant: true, version: answer.json['version'] });
    expect((await rest.get(pathOf('live'))).json['version']).toBe(answer.json['version']);
  });

  it('while others type, everything typed meanwhile is kept, and all agree', async () => {
    const { url, webSocketUrl } = await startNode();
    const rest = new Rest(url);
    const clients = Array.from({ length: 3 }, () => new SyncClient(webSocketUrl, 'busy'));
    await Promise.all(clients.map((client) => client.whenSynced()));
    const [first] = clients as [SyncClient];
    first.doc.getText('text').insert(0, 'what was there before. ');
    await first.whenAcked(first.requestAck());
    const id = await snapshot(rest, 'busy');
    first.doc.getText('text').delete(0, 23);
    await first.whenAcked(first.requestAck());
    let isRestored = false;
    /** Typed when the restore was through: no word of it may be lost. */
    const after: string[] = [];
    const typing = Promise.all(
      clients.map(async (client, who) => {
        const text = client.doc.getText('text');
        for (let left = 5; left > 0; left -= isRestored ? 1 : 0) {
          const word = `<${who}.${text.length}.${left}>`;
          if (isRestored) after.push(word);
          text.insert(text.length, word);
          await client.whenAcked(client.requestAck());
        }
      }),
    );
    expect((await restore(rest, 'busy', id)).status).toBe(200);
    isRestored = true;
    await typing;
    await waitUntil('all agree', () => new Set(clients.map((client) => client.text)).size === 1);
    const stored = await textOf(rest, 'busy');
    expect(first.text).toBe(stored);
    expect(stored).toContain('what was there before. ');
    expect(after.length).toBeGreaterThanOrEqual(12);
    for (const word of after) expect(stored.split(word)).toHaveLength(2);
  });
});

describe('[I7] access to snapshots', () => {
  it('reading needs read access, the rest write access; without any, there is no such document', async () => {
    const rest = (await start(SECRET_NODE)).as(token());
    await write(rest, 'team/a', 'x');
    const id = await snapshot(rest, 'team/a');
    const base = `${pathOf('team/a')}/snapshots`;
    const routes = [
      ['GET', base, 'read'],
      ['GET', `${base}/${id}`, 'read'],
      ['GET', `${base}/${id}/diff?name=text`, 'read'],
      ['POST', base, 'write'],
      ['POST', `${base}/${id}/restore`, 'write'],
      ['DELETE', `${base}/${id}`, 'write'],
    ] as const;
    for (const [method, path, need] of routes) {
      const stranger = rest.as(reader('other/*'));
      const hidden = await stranger.send(method, path);
      const absent = await stranger.send(method, path.replace('team%2Fa', 'team%2Fnone'));
      expect([method, path, hidden.status, hidden.text]).toEqual([method, path, 404, absent.text]);
      expect(hidden.code).toBe('document-not-found');
      const asReader = await rest.as(reader()).send(method, path);
      expect([method, path, asReader.code]).toEqual([
        method,
        path,
        need === 'read' ? null : 'read-only',
      ]);
      expect((await rest.as(null).send(method, path)).status).toBe(401);
    }
    expect((await rest.get(base)).json['snapshots']).toHaveLength(1);
  });

  it('a snapshot of another document is not found, whatever its id', async () => {
    const rest = (await start(SECRET_NODE)).as(admin());
    await write(rest, 'a', 'x');
    await write(rest, 'b', 'y');
    const id = await snapshot(rest, 'a');
    const path = `${pathOf('b')}/snapshots/${id}`;
    expect((await rest.get(path)).code).toBe('snapshot-not-found');
    expect((await rest.get(path, BYTES)).code).toBe('snapshot-not-found');
    expect((await rest.get(`${path}/diff?name=text`)).code).toBe('snapshot-not-found');
    expect((await restore(rest, 'b', id)).code).toBe('snapshot-not-found');
    expect((await rest.send('DELETE', path)).code).toBe('snapshot-not-found');
    expect((await rest.get(`${pathOf('a')}/snapshots/${id}`)).status).toBe(200);
  });
});

describe('[I1] kill -9', () => {
  it('right after the answer: the snapshot is there, and so is what a restore wrote', async () => {
    const dataDir = tempDir();
    const first = await NodeProcess.start({ dataDir });
    let rest = new Rest(first.url);
    const doc = await write(rest, 'a', 'kept text');
    const id = await snapshot(rest, 'a', 'kept');
    first.kill();
    await first.exited();

    const second = await NodeProcess.start({ dataDir });
    rest = new Rest(second.url);
    const path = `${pathOf('a')}/snapshots/${id}`;
    expect((await rest.get(path)).json).toMatchObject({ id, label: 'kept' });
    await edit(rest, 'a', doc, (text) => {
      text.delete(0, 5);
    });
    const restored = await restore(rest, 'a', id);
    expect(restored.status).toBe(200);
    second.kill();
    await second.exited();

    const third = await NodeProcess.start({ dataDir });
    rest = new Rest(third.url);
    expect(await textOf(rest, 'a')).toBe('kept text');
    expect((await rest.get(pathOf('a'))).json['version']).toBe(restored.json['version']);
    await rest.post(`${pathOf('a')}/updates`, textUpdate('more '));
    expect((await rest.get(path, BYTES)).status).toBe(200);
    third.kill();
  });
});
