import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { RawClient, type RawClientOptions } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

let server: WebSocketServer | null = null;

afterEach(() => {
  for (const socket of server?.clients ?? []) socket.terminate();
  server?.close();
});

async function connect(options: RawClientOptions): Promise<{ client: RawClient; peer: WebSocket }> {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const { port } = server.address() as AddressInfo;
  const client = await RawClient.open(`ws://127.0.0.1:${port}/room`, options);
  const [peer] = await connected;
  return { client, peer };
}

/** Around every place where the length of a frame changes its header, and beyond one read. */
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 300_000, 2_000_000];

describe('a raw client', () => {
  it('receives messages of all sizes whole and in order', async () => {
    const received: Buffer[] = [];
    const { peer } = await connect({ onMessage: (payload) => received.push(Buffer.from(payload)) });
    const sent = SIZES.map((size, index) => Buffer.alloc(size, index + 1));
    for (const message of sent) peer.send(message);
    await waitUntil('the messages', () => received.length === sent.length);
    expect(received.map((message, index) => message.equals(sent[index] ?? Buffer.of()))).toEqual(
      SIZES.map(() => true),
    );
  });

  it('sends messages of all sizes whole and in order', async () => {
    const { client, peer } = await connect({ onMessage: () => undefined });
    const received: number[] = [];
    peer.on('message', (data: Buffer) => received.push(data.length));
    for (const size of SIZES) client.send(Buffer.alloc(size, 1));
    await waitUntil('the messages', () => received.length === SIZES.length);
    expect(received).toEqual(SIZES);
  });

  it('keeps only the head of a long message, and counts all of it', async () => {
    const heard: [number, number][] = [];
    const { peer } = await connect({
      headBytes: 16,
      onMessage: (payload, bytes) => heard.push([payload.length, bytes]),
    });
    peer.send(Buffer.alloc(3_000_000));
    await waitUntil('the messages', () => heard.length === 1);
    expect(heard).toEqual([[16, 3_000_000]]);
  });

  it('reads when it is told to, once it is lazy, and loses nothing', async () => {
    const { client, peer } = await connect({ onMessage: () => undefined });
    client.isLazy = true;
    for (let index = 0; index < 5_000; index++) peer.send(Buffer.alloc(100));
    await waitUntil('the messages', () => {
      client.drain();
      return client.messages === 5_000;
    });
    expect(client.bytes).toBe(500_000);
  });

  it('answers pings and tells the close code', async () => {
    const closes: [number, string][] = [];
    const { peer } = await connect({
      onMessage: () => undefined,
      onClose: (code, reason) => closes.push([code, reason]),
    });
    const ponged = once(peer, 'pong') as Promise<[Buffer]>;
    peer.ping('hello');
    expect((await ponged)[0].toString()).toBe('hello');
    peer.close(4401, 'token-expired');
    await waitUntil('the messages', () => closes.length === 1);
    expect(closes).toEqual([[4401, 'token-expired']]);
  });

  it('rejects when the upgrade is refused', async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(
      RawClient.open(`ws://127.0.0.1:${port}/`, { onMessage: () => undefined }),
    ).rejects.toThrow('upgrade refused: HTTP/1.1 401');
  });
});
