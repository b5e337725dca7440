/** The proxies of chaos: what they read of Redis' protocol and of messages between nodes, and what they do to bytes. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { readBusMessage } from '../../../chaos/proxies/bus-message.ts';
import { BusTap } from '../../../chaos/proxies/bus-tap.ts';
import { LinkProxy } from '../../../chaos/proxies/link-proxy.ts';
import { encodeStrings, RespReader } from '../../../chaos/proxies/resp.ts';
import { encodeEnvelope, type Envelope } from '../../../server/fanout/envelope.ts';
import { encodePayload } from '../../../server/fanout/payloads.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NOTES = parseDocumentName('notes') as DocumentName;

function updateMessage(update: Uint8Array, secret: string | null = null): Uint8Array {
  const envelope: Envelope = {
    kind: 'update',
    origin: 'node-a',
    epoch: '0123456789abcdef',
    region: 'eu',
    seq: 7,
    document: NOTES,
    traceparent: null,
    payload: encodePayload({ kind: 'update', document: NOTES, previousSeq: 6, update }),
  };
  return encodeEnvelope(envelope, secret);
}

function anInsertAndItsDeletion(): [Uint8Array, Uint8Array] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  doc.getText('text').insert(0, 'abc');
  doc.getText('text').delete(1, 1);
  return updates as [Uint8Array, Uint8Array];
}

function push(payload: Uint8Array): Buffer {
  return encodeStrings('>', [Buffer.from('message'), Buffer.from('c'), Buffer.from(payload)]);
}

function command(...words: readonly string[]): Buffer {
  return encodeStrings(
    '*',
    words.map((word) => Buffer.from(word)),
  );
}

async function echoLink(): Promise<{ link: LinkProxy; open: () => Promise<Socket> }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const link = await LinkProxy.start({ name: 'link', port, random: Math.random });
  onTestFinished(async () => {
    await link.close();
    server.close();
  });
  const open = async (): Promise<Socket> => {
    const socket = connect(link.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  return { link, open };
}

describe('RESP', () => {
  it('is cut into the same values, however the stream is cut', () => {
    const values = [
      Buffer.from('+OK\r\n'),
      Buffer.from(':12\r\n'),
      encodeStrings('>', [Buffer.from('message'), Buffer.from('all'), Buffer.from([13, 10, 0])]),
      Buffer.from('%1\r\n+server\r\n$5\r\nredis\r\n'),
      Buffer.from('*-1\r\n'),
      Buffer.from('_\r\n'),
      Buffer.from('>3\r\n$9\r\nsubscribe\r\n$3\r\nall\r\n:1\r\n'),
    ];
    const stream = Buffer.concat(values);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        const reader = new RespReader();
        const ends = [...cuts.toSorted((a, b) => a - b), stream.length];
        const read = ends.flatMap((end, index) => [
          ...reader.read(stream.subarray(ends[index - 1] ?? 0, end)),
        ]);
        expect(read.map(({ bytes }) => bytes.toString('hex'))).toEqual(
          values.map((bytes) => bytes.toString('hex')),
        );
        expect(read[2]?.strings?.[2]).toEqual(Buffer.from([13, 10, 0]));
      }),
    );
  });
});

describe('a message between nodes', () => {
  it('is read as the server writes it, signed or not', () => {
    const [insert, deletion] = anInsertAndItsDeletion();
    for (const secret of [null, 'a secret of at least 16 bytes']) {
      expect(readBusMessage(updateMessage(insert, secret))).toMatchObject({
        kind: 'update',
        origin: 'node-a',
        region: 'eu',
        seq: 7,
        document: 'notes',
        isDeleteOnly: false,
      });
      expect(readBusMessage(updateMessage(deletion, secret))?.isDeleteOnly).toBe(true);
    }
    expect(readBusMessage(Uint8Array.of(1, 2, 3))).toBeNull();
  });

  it('is dropped alone: its neighbours in the stream pass', () => {
    const [insert, deletion] = anInsertAndItsDeletion();
    const tap = new BusTap(Math.random);
    tap.rules = [{ decide: (message) => (message?.isDeleteOnly === true ? { do: 'drop' } : null) }];
    const passed: Buffer[] = [];
    const down = tap.makeTaps().down?.((piece) => passed.push(piece));
    const pong = Buffer.from('+PONG\r\n');
    down?.write(Buffer.concat([push(updateMessage(insert)), push(updateMessage(deletion)), pong]));
    expect(passed).toEqual([push(updateMessage(insert)), pong]);
    expect(tap.counts).toMatchObject({ messages: 2, dropped: 1 });
  });

  it('is published into nowhere by a muted node, and its other commands pass', () => {
    const tap = new BusTap(Math.random);
    tap.isMuted = true;
    const passed: string[] = [];
    const up = tap.makeTaps().up?.((piece) => passed.push(piece.toString()));
    up?.write(Buffer.concat([command('PUBLISH', 'all', 'hi'), command('PING')]));
    expect(passed[0]).toContain('chaos:nowhere');
    expect(passed[1]).toBe(command('PING').toString());
    expect(tap.counts.muted).toBe(1);
  });
});

describe('a link', () => {
  it('that is cut loses bytes and says how many; healed, it resets what has a hole', async () => {
    const { link, open } = await echoLink();
    const socket = await open();
    let heard = '';
    socket.on('data', (data: Buffer) => {
      heard += data.toString();
    });
    socket.write('before');
    await waitUntil('the echo', () => heard === 'before');
    link.cut();
    socket.write('lost');
    await waitUntil('the loss', () => link.lane('up').counts.droppedBytes === 4);
    expect(socket.destroyed).toBe(false);
    link.heal();
    await waitUntil('the reset', () => socket.destroyed);
    expect(heard).toBe('before');
  });

  it('that holds loses nothing', async () => {
    const { link, open } = await echoLink();
    const socket = await open();
    let heard = '';
    socket.on('data', (data: Buffer) => {
      heard += data.toString();
    });
    link.set('up', 'hold');
    socket.write('kept');
    await waitUntil('held', () => link.lane('up').counts.heldBytes === 4);
    expect(heard).toBe('');
    link.set('up', 'flow');
    await waitUntil('the echo', () => heard === 'kept');
  });

  it('that is throttled, delayed, refusing or cut in a frame counts each of it', async () => {
    const { link, open } = await echoLink();
    const socket = await open();
    let bytes = 0;
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
    });
    link.throttle('down', 10_000);
    link.delay(5);
    socket.write(Buffer.alloc(1_500));
    await waitUntil('all of it', () => bytes === 1_500);
    expect(link.lane('down').counts.throttledPieces).toBeGreaterThan(1);
    expect(link.lane('up').counts.delayedPieces).toBeGreaterThan(0);
    link.heal();
    link.cutMidFrame('down');
    socket.write(Buffer.alloc(100));
    await waitUntil('the reset', () => socket.destroyed);
    expect(link.lane('down').counts.cutPieces).toBe(1);
    link.refuse(true);
    const refused = connect(link.port, '127.0.0.1').on('error', () => undefined);
    await waitUntil('refused', () => refused.destroyed);
    expect(link.counts.refused).toBe(1);
  });
});
