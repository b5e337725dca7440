/** What Hocuspocus providers do beside editing: many documents on a socket, sessions, tokens, stateless messages, pings. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { HocuspocusClient, openClient } from '../../support/families.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const VERSIONS = [2, 3, 4] as const;

function open(
  version: 2 | 3 | 4,
  url: string,
  document: string,
  options: ConstructorParameters<typeof HocuspocusClient>[3] = {},
): HocuspocusClient {
  const client = new HocuspocusClient(version, url, document, options);
  onTestFinished(() => {
    client.destroy();
  });
  return client;
}

/** Frames by hand: what no provider sends. */
class RawProvider {
  readonly frames: Buffer[] = [];
  closeCode: number | null = null;
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', (data: Buffer) => this.frames.push(data));
    this.#socket.on('close', (code) => {
      this.closeCode = code;
    });
    this.#socket.on('error', () => undefined);
    onTestFinished(() => {
      this.#socket.terminate();
    });
  }

  async open(): Promise<void> {
    await waitUntil('open', () => this.#socket.readyState === WebSocket.OPEN);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  say(address: string, type: number, ...parts: readonly (number | string | Uint8Array)[]): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarString(encoder, address);
    encoding.writeVarUint(encoder, type);
    for (const part of parts) {
      if (typeof part === 'number') encoding.writeVarUint(encoder, part);
      else if (typeof part === 'string') encoding.writeVarString(encoder, part);
      else encoding.writeVarUint8Array(encoder, part);
    }
    this.send(encoding.toUint8Array(encoder));
  }

  /** Payloads of one type at one address, in hex. */
  heard(address: string, type: number): string[] {
    return this.frames.flatMap((frame) => {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarString(decoder) !== address) return [];
      if (decoding.readVarUint(decoder) !== type) return [];
      return [Buffer.from(decoding.readTailAsUint8Array(decoder)).toString('hex')];
    });
  }
}

const TYPE = { sync: 0, auth: 2, broadcastStateless: 6, syncReply: 4, status: 8 } as const;

describe('a socket', () => {
  it.each(VERSIONS)('carries many documents of provider %i, at any path', async (version) => {
    const { webSocketUrl, node } = await startNode();
    for (const path of ['', '/', '/collaboration', '/d/not-y-sweet']) {
      const first = open(version, webSocketUrl + path, 'first');
      const others = ['second', 'team/third'].map((name) =>
        open(version, webSocketUrl, name, { socket: first.socket }),
      );
      const all = [first, ...others];
      await waitUntil(`there at ${path}`, () =>
        all.every(({ isSynced, isSaved }) => isSynced && isSaved),
      );
      for (const client of all) client.insert(0, client.family);
      await waitUntil('saved', () => all.every(({ isSaved }) => isSaved));
      expect(first.sockets.opened).toBe(1);
      // Closing one of them leaves the others.
      others[0]?.provider.destroy();
      others[1]?.insert(0, 'still here ');
      await waitUntil('saved', () => others[1]?.isSaved === true);
      expect(first.sockets.opened).toBe(1);
      first.destroy();
    }
    await waitUntil('nobody is left', async () => (await metric(node, 'connections')) === 0);
  });

  it('carries one document twice, with sessions (provider 4)', async () => {
    const { webSocketUrl } = await startNode();
    const configuration = { sessionAwareness: true };
    const one = open(4, webSocketUrl, 'notes', { configuration });
    const two = open(4, webSocketUrl, 'notes', { configuration, socket: one.socket });
    const elsewhere = openClient('y-websocket 3', webSocketUrl, 'notes');
    await waitUntil('there', () => [one, two, elsewhere].every(({ isSynced }) => isSynced));
    one.insert(0, 'one ');
    await waitUntil('both have it', () => two.text === 'one ' && elsewhere.text === 'one ');
    two.insert(0, 'two ');
    await waitUntil('both have it', () => one.text === 'two one ' && elsewhere.text === 'two one ');
    one.point('Ada');
    two.point('Bob');
    await waitUntil('both are seen', () => elsewhere.people.join() === 'Ada,Bob');
    await waitUntil('saved', () => one.isSaved && two.isSaved);
    expect(one.sockets.opened).toBe(1);
  });

  it('that never says a word, or a wrong one, is closed', async () => {
    const { webSocketUrl } = await startNode(SECRET_NODE);
    const silent = new RawProvider(webSocketUrl);
    const wrong = new RawProvider(webSocketUrl);
    await wrong.open();
    wrong.say('notes', TYPE.auth, 9);
    await waitUntil('wrong', () => wrong.closeCode !== null);
    expect(wrong.closeCode).toBe(4401);
    await waitUntil('silent', () => silent.closeCode !== null);
    expect(silent.closeCode).toBe(4401);
  });

  it.each([
    ['P16 what only servers say to each other', TYPE.broadcastStateless],
    ['P16 the answer of another server', TYPE.syncReply],
    ['P01 a type that there is not', 99],
  ])('%s ends it', async (_what, type) => {
    const { webSocketUrl } = await startNode();
    const client = new RawProvider(webSocketUrl);
    await client.open();
    client.say('notes', TYPE.auth, 0, '');
    await waitUntil('in', () => client.heard('notes', TYPE.auth).length > 0);
    client.say('notes', type, 'hello');
    await waitUntil('closed', () => client.closeCode !== null);
    expect(client.closeCode).toBe(1007);
  });
});

describe('before the answer to a token', () => {
  it('[I8] frames wait, and are not lost', async () => {
    const answers: ((level: 'write') => void)[] = [];
    const { webSocketUrl } = await startNode(
      {},
      {
        authorize: () =>
          new Promise((resolve) => {
            answers.push(resolve);
          }),
      },
    );
    const client = open(4, webSocketUrl, 'notes', { token: () => 'x' });
    await waitUntil('asked', () => answers.length === 1);
    client.insert(0, 'early');
    expect(client.isSaved).toBe(false);
    answers[0]?.('write');
    await waitUntil('saved', () => client.isSaved);
    const other = open(3, webSocketUrl, 'notes');
    await waitUntil('asked again', () => answers.length === 2);
    answers[1]?.('write');
    await waitUntil('there', () => other.text === 'early');
  });

  it('W15 [I6] a thousand frames wait, more are not kept', async () => {
    const { webSocketUrl } = await startNode(SECRET_NODE);
    const client = new RawProvider(webSocketUrl);
    await client.open();
    for (let frame = 0; frame < 1_000; frame += 1) client.say('team/a', 3);
    client.say('team/b', TYPE.auth, 0, token());
    await waitUntil('answered', () => client.heard('team/b', TYPE.auth).length > 0);
    expect(client.closeCode).toBeNull();
    client.say('team/a', 3);
    await waitUntil('cut off', () => client.closeCode !== null);
    expect(client.closeCode).toBe(4401);
  });

  it('W15 [I6] 64 KiB are a frame, more are not read; once somebody is let in, they are', async () => {
    const { webSocketUrl } = await startNode(SECRET_NODE);
    const stranger = new RawProvider(webSocketUrl);
    await stranger.open();
    stranger.say('team/a', TYPE.sync, 2, new Uint8Array(65 * 1024));
    await waitUntil('cut off', () => stranger.closeCode !== null);
    expect(stranger.closeCode).toBe(1009);
    const client = open(4, webSocketUrl, 'team/a', { token: () => token() });
    await waitUntil('there', () => client.isSynced);
    client.insert(0, 'x'.repeat(200_000));
    await waitUntil('saved', () => client.isSaved);
    expect(client.sockets.opened).toBe(1);
  });

  it('[I6] a socket has a hundred documents, the next is refused', async () => {
    const { webSocketUrl } = await startNode();
    const client = new RawProvider(webSocketUrl);
    await client.open();
    for (let document = 0; document < 101; document += 1)
      client.say(`d${document}`, TYPE.auth, 0, '');
    await waitUntil('all are answered', () =>
      ['d99', 'd100'].every((name) => client.heard(name, TYPE.auth).length > 0),
    );
    expect(client.heard('d99', TYPE.auth)[0]?.slice(0, 2)).toBe('02');
    expect(client.heard('d100', TYPE.auth)[0]?.slice(0, 2)).toBe('01');
  });
});

describe('SyncStatus', () => {
  it('comes once for each frame, in order, and not before the SyncStep2 is durable', async () => {
    const { webSocketUrl } = await startNode();
    const client = new RawProvider(webSocketUrl);
    await client.open();
    const update = Buffer.from('010101000401017401 6100'.replace(' ', ''), 'hex');
    client.say('notes', TYPE.auth, 0, '');
    client.say('notes', TYPE.sync, 0, Uint8Array.of(0));
    client.say('notes', TYPE.sync, 2, update);
    client.say('notes', TYPE.sync, 2, update);
    await waitUntil('the answer', () => client.heard('notes', TYPE.sync).length >= 2);
    // First what the server has, as a question; then what the client lacks.
    expect(client.heard('notes', TYPE.sync)[0]?.slice(0, 2)).toBe('00');
    expect(client.heard('notes', TYPE.status)).toEqual([]);
    client.say('notes', TYPE.sync, 1, Uint8Array.of(0, 0));
    await waitUntil('three', () => client.heard('notes', TYPE.status).length === 3);
    client.say('notes', TYPE.sync, 2, update);
    await waitUntil('one more', () => client.heard('notes', TYPE.status).length === 4);
    expect(client.heard('notes', TYPE.status)).toEqual(['01', '01', '01', '01']);
  });

  it('is 0 for what a read-only client writes; it reads on, and is told that it may', async () => {
    const { webSocketUrl } = await startNode(SECRET_NODE);
    const writer = open(4, webSocketUrl, 'team/a', { token: () => token() });
    const guests = VERSIONS.map((version) =>
      open(version, webSocketUrl, 'team/a', { token: () => reader() }),
    );
    await waitUntil('there', () =>
      [writer, ...guests].every(({ isSynced, isSaved }) => isSynced && isSaved),
    );
    for (const { provider } of guests) expect(provider.authorizedScope).toBe('readonly');
    expect(writer.provider.authorizedScope).toBe('read-write');
    for (const guest of guests) guest.insert(0, 'not allowed ');
    writer.insert(0, 'allowed ');
    await waitUntil('they read on', () => guests.every(({ text }) => text.includes('allowed ')));
    await waitUntil('saved', () => writer.isSaved);
    expect(writer.text).toBe('allowed ');
    for (const guest of guests) {
      expect([guest.isSaved, guest.sockets.opened]).toEqual([false, 1]);
    }
  });
});

describe('stateless messages', () => {
  it('reach all clients of the document, on other nodes too, and nobody else', async () => {
    const redis = await RedisProcess.start();
    onTestFinished(() => redis.end());
    const nodes = [
      await startNode({ redisUrl: redis.url, nodeId: 'a' }),
      await startNode({ redisUrl: redis.url, nodeId: 'b' }),
    ];
    const clients = nodes.flatMap(({ webSocketUrl }) =>
      VERSIONS.map((version) => open(version, webSocketUrl, 'notes')),
    );
    const stranger = open(4, nodes[0]?.webSocketUrl ?? '', 'other');
    await waitUntil('there', () => [stranger, ...clients].every(({ isSynced }) => isSynced));
    clients[2]?.provider.sendStateless('hello from a');
    clients[3]?.provider.sendStateless('hello from b');
    await waitUntil('everybody has heard both', () =>
      clients.every(({ signals }) => signals.length === 2),
    );
    for (const { signals } of clients) {
      expect(signals.toSorted()).toEqual(['hello from a', 'hello from b']);
    }
    expect(stranger.signals).toEqual([]);
  });
});

describe('keeping a quiet socket', () => {
  it('pings provider 4, and none before it, which would throw', async () => {
    const { webSocketUrl } = await startNode({ keepAliveMs: 1_000 });
    const clients = VERSIONS.map((version) => open(version, webSocketUrl, `notes-${version}`));
    const heard = clients.map((client) => {
      const frames: string[] = [];
      client.sockets.onFrame = (frame) => frames.push(Buffer.from(frame).toString('hex'));
      return frames;
    });
    await waitUntil('there', () => clients.every(({ isSynced }) => isSynced));
    await waitUntil('a word to each', () =>
      heard.every((frames) => frames.some((hex) => hex === '09' || hex.endsWith('010100'))),
    );
    expect(heard[2]).toContain('09');
    for (const frames of heard.slice(0, 2)) expect(frames).not.toContain('09');
  });
});
