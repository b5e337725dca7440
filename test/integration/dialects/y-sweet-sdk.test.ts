/** Y-Sweet's SDK and client, as an application built for Y-Sweet uses them: a connection string, and nothing else changes. */
import { YSweetProvider } from '@y-sweet/client';
import { createDoc, DocumentManager, getOrCreateDocAndToken } from '@y-sweet/sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { startNode } from '../../support/in-process-node.ts';
import { SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const admin = (): string => token({ sub: 'app', docs: [{ match: '*', access: 'admin' }] });

function stringOf(url: string, secret: string | null): string {
  const { host } = new URL(url);
  return secret === null ? `ys://${host}` : `ys://${encodeURIComponent(secret)}@${host}`;
}

function open(
  getToken: () => Promise<{ url: string; baseUrl: string; docId: string; token?: string }>,
  docId: string,
): { provider: YSweetProvider; doc: Y.Doc } {
  const doc = new Y.Doc();
  const provider = new YSweetProvider(getToken, docId, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    showDebuggerLink: false,
  });
  onTestFinished(() => {
    provider.connect = () => Promise.resolve();
    provider.disconnect();
    provider.destroy();
  });
  return { provider, doc };
}

describe('the SDK', () => {
  it.each(['with access control', 'without'])(
    'creates, writes, reads, and hands out tokens that its client connects with, %s',
    async (how) => {
      const isEnforced = how === 'with access control';
      const { url } = await startNode(isEnforced ? SECRET_NODE : {});
      const connection = stringOf(url, isEnforced ? admin() : null);
      const manager = new DocumentManager(connection);
      expect(await manager.checkStore()).toEqual({ ok: true });
      expect(await manager.createDoc('notes')).toEqual({ docId: 'notes' });
      // Again is no-op.
      expect(await createDoc(connection, 'notes')).toEqual({ docId: 'notes' });
      const { docId } = await manager.createDoc();
      expect(docId).toMatch(/^[\w-]{20,}$/);
      const source = new Y.Doc();
      source.getText('text').insert(0, 'written by the application');
      await manager.updateDoc('notes', Y.encodeStateAsUpdate(source));
      const read = new Y.Doc();
      Y.applyUpdate(read, await manager.getDocAsUpdate('notes'));
      expect(read.getText('text').toJSON()).toBe('written by the application');
      const withContent = await manager.createDocWithContent(Y.encodeStateAsUpdate(source));
      expect((await manager.getDocAsUpdate(withContent.docId)).byteLength).toBeGreaterThan(20);

      const clientToken = await getOrCreateDocAndToken(connection, 'notes', { userId: 'ann' });
      expect(clientToken).toMatchObject({
        docId: 'notes',
        url: `${url.replace(/^http/, 'ws')}/d/notes/ws`,
        baseUrl: `${url}/d/notes`,
        authorization: 'full',
      });
      expect(clientToken.token === undefined).toBe(!isEnforced);
      const { provider, doc } = open(() => manager.getClientToken('notes'), 'notes');
      await waitUntil('there', () => doc.getText('text').toJSON() === 'written by the application');
      doc.getText('text').insert(0, 'and ');
      await waitUntil('saved', () => !provider.hasLocalChanges);
      const stored = new Y.Doc();
      Y.applyUpdate(stored, await manager.getDocAsUpdate('notes'));
      expect(stored.getText('text').toJSON()).toBe('and written by the application');
    },
  );

  it('[I7] its errors are the ones that applications know', async () => {
    const { url } = await startNode(SECRET_NODE);
    const manager = new DocumentManager(stringOf(url, admin()));
    await expect(manager.getClientToken('nothing-there')).rejects.toMatchObject({
      cause: { code: 'ServerError', status: 404 },
    });
    await expect(manager.createDoc('not/allowed')).rejects.toMatchObject({
      cause: { code: 'ServerError', status: 400 },
    });
    await expect(
      new DocumentManager(stringOf(url, 'nonsense')).createDoc('notes'),
    ).rejects.toMatchObject({
      cause: { code: 'InvalidAuthProvided' },
    });
    await expect(new DocumentManager(stringOf(url, null)).createDoc('notes')).rejects.toMatchObject(
      {
        cause: { code: 'NoAuthProvided' },
      },
    );
    const guest = token({ docs: [{ match: 'mine', access: 'write' }] });
    await expect(
      new DocumentManager(stringOf(url, guest)).createDoc('notes'),
    ).rejects.toMatchObject({
      cause: { code: 'ServerError', status: 403 },
    });
  });

  it('read-only tokens read, and write nothing', async () => {
    const { url } = await startNode(SECRET_NODE);
    const manager = new DocumentManager(stringOf(url, admin()));
    await manager.createDoc('notes');
    const clientToken = await manager.getClientToken('notes', { authorization: 'read-only' });
    expect(clientToken.authorization).toBe('read-only');
    const update = Y.encodeStateAsUpdate(new Y.Doc());
    const answer = await fetch(`${clientToken.baseUrl}/update`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${clientToken.token ?? ''}`,
        'Content-Type': 'application/octet-stream',
      },
      body: new Uint8Array(update),
    });
    expect(answer.status).toBe(403);
    const read = await fetch(`${clientToken.baseUrl}/as-update`, {
      headers: { Authorization: `Bearer ${clientToken.token ?? ''}` },
    });
    expect(read.status).toBe(200);
    // It says who may: nothing of other documents.
    const other = await fetch(`${url}/d/other/as-update`, {
      headers: { Authorization: `Bearer ${clientToken.token ?? ''}` },
    });
    expect(other.status).toBe(404);
  });

  it(
    'validForSeconds ends what it opened, and the client gets another token',
    { timeout: 40_000 },
    async () => {
      const { url } = await startNode({ ...SECRET_NODE, clockToleranceMs: 0 });
      const manager = new DocumentManager(stringOf(url, admin()));
      await manager.createDoc('notes');
      let asked = 0;
      const { provider, doc } = open(() => {
        asked += 1;
        return manager.getClientToken('notes', asked === 1 ? { validForSeconds: 3 } : {});
      }, 'notes');
      await waitUntil('there', () => provider.status === 'connected');
      let hasLeft = false;
      provider.on('connection-close', () => {
        hasLeft = true;
      });
      await waitUntil('it has ended', () => hasLeft);
      doc.getText('text').insert(0, 'written between two tokens');
      await waitUntil('saved with another', () => asked > 1 && !provider.hasLocalChanges, 25_000);
      const stored = new Y.Doc();
      Y.applyUpdate(stored, await manager.getDocAsUpdate('notes'));
      expect(stored.getText('text').toJSON()).toBe('written between two tokens');
    },
  );
});
