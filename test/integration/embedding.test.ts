/** Syncline inside another program, through the door that other programs use. */
import { createNode, ConfigError } from 'syncline/server';
import { describe, expect, it } from 'vitest';
import { SyncClient } from '../support/sync-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const misconfigured = (): unknown =>
  createNode({ host: '0.0.0.0', port: 70_000, flushWindowMs: -1, logLevel: 'silent' });

describe('createNode', () => {
  it('runs several nodes in one process, each with its own documents', async () => {
    const nodes = [createNode({ port: 0, dataDir: tempDir(), logLevel: 'silent' })];
    nodes.push(createNode({ port: 0, dataDir: tempDir(), logLevel: 'silent' }));
    const urls = await Promise.all(nodes.map((node) => node.listen()));
    const clients = urls.map((url) => new SyncClient(url.replace(/^http/, 'ws'), 'notes'));
    await Promise.all(clients.map((client) => client.whenSynced()));
    clients[0]?.doc.getText('text').insert(0, 'only here');
    await clients[0]?.whenAcked(clients[0].requestAck());
    expect(clients[1]?.text).toBe('');
    for (const client of clients) client.destroy();
    await Promise.all(nodes.map((node) => node.drain()));
    for (const node of nodes) expect(node.url).not.toBeNull();
  });

  it('says everything that is wrong with a configuration at once', () => {
    expect(misconfigured).toThrow(ConfigError);
    expect(misconfigured).toThrow(/PORT[\s\S]*FLUSH_WINDOW_MS[\s\S]*AUTH=none/);
  });

  it('releases its folder and port: another node can have them', async () => {
    const dataDir = tempDir();
    const first = createNode({ port: 0, dataDir, logLevel: 'silent' });
    const url = await first.listen();
    await first.close();
    const second = createNode({ port: Number(new URL(url).port), dataDir, logLevel: 'silent' });
    expect(await second.listen()).toBe(url);
    await second.close();
  });
});
