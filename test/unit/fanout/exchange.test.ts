/** Messages between nodes over a bus: what arrives, what is dropped as what, what counts as missed. */
import { describe, expect, it } from 'vitest';
import {
  EVERYONE,
  bucketChannel,
  documentChannel,
  nodeChannel,
  type Channel,
} from '../../../server/fanout/bus.ts';
import { encodeEnvelope, type Envelope } from '../../../server/fanout/envelope.ts';
import {
  Exchange,
  newEpoch,
  type ExchangeDrop,
  type Missed,
  type Received,
} from '../../../server/fanout/exchange.ts';
import { MemoryNetwork, type MemoryBus } from '../../../server/fanout/memory-bus.ts';
import type { Message } from '../../../server/fanout/messages.ts';
import { encodePayload } from '../../../server/fanout/payloads.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const DOCUMENT = 'notes/a' as DocumentName;
const CHANNEL = documentChannel(DOCUMENT);
const EPOCH = '0123456789abcdef';

interface Party {
  readonly exchange: Exchange;
  readonly bus: MemoryBus;
  readonly received: Received[];
  readonly missed: Missed[];
  readonly drops: ExchangeDrop[];
}

class World {
  readonly timers: VirtualTimers = new VirtualTimers();
  readonly network: MemoryNetwork;

  constructor() {
    const random = seededRandom(1);
    this.network = new MemoryNetwork({ timers: this.timers, random: () => random.float() });
  }

  async party(node: string, secret: string | null = null, epoch = EPOCH): Promise<Party> {
    const bus = this.network.join(node, 'eu');
    const received: Received[] = [];
    const missed: Missed[] = [];
    const drops: ExchangeDrop[] = [];
    const onDrop = (reason: ExchangeDrop): void => {
      drops.push(reason);
    };
    const exchange = new Exchange({ bus, epoch, secret, onDrop });
    exchange.open({
      onMessage: (message) => received.push(message),
      onMissed: (notice) => missed.push(notice),
      onLink: () => undefined,
    });
    await bus.subscribe([CHANNEL, EVERYONE, nodeChannel(node)]);
    await this.timers.advance(10);
    return { exchange, bus, received, missed, drops };
  }

  async settle(): Promise<void> {
    await this.timers.advance(100);
  }
}

const update = (value: number, previousSeq = 0): Message => ({
  kind: 'update',
  document: DOCUMENT,
  previousSeq,
  update: Uint8Array.of(value),
});

/** An envelope as another node would make it, changed as asked. */
function forged(message: Message, changes: Partial<Envelope> = {}): Uint8Array {
  const document = 'document' in message ? message.document : null;
  const envelope: Envelope = {
    kind: message.kind,
    origin: 'n9',
    epoch: EPOCH,
    region: 'eu',
    seq: 1,
    document,
    traceparent: null,
    payload: encodePayload(message),
  };
  return encodeEnvelope({ ...envelope, ...changes }, null);
}

describe('exchange', () => {
  it('brings a message with its origin, number and trace', async () => {
    const world = new World();
    const [a, b] = [await world.party('a'), await world.party('b')];
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(a.exchange.send(update(1), trace)).toEqual({ outcome: 'accepted', seq: 1 });
    expect(a.exchange.send(update(2, 1))).toEqual({ outcome: 'accepted', seq: 2 });
    await world.settle();
    expect(b.received).toEqual([
      { origin: 'a', epoch: EPOCH, region: 'eu', seq: 1, traceparent: trace, message: update(1) },
      { origin: 'a', epoch: EPOCH, region: 'eu', seq: 2, traceparent: null, message: update(2, 1) },
    ]);
    expect(b.missed).toEqual([{ origin: 'a', channel: CHANNEL, reason: 'first' }]);
  });

  it('B03 own messages are ignored', async () => {
    const world = new World();
    const a = await world.party('a');
    a.exchange.send(update(1));
    await world.settle();
    expect(a.received).toEqual([]);
    expect(a.drops).toEqual(['echo']);
  });

  it('B03 a second node of the same name is told apart from the own echo', async () => {
    const world = new World();
    const [one, two] = [await world.party('a'), await world.party('a', null, 'f'.repeat(16))];
    one.exchange.send(update(1));
    await world.settle();
    expect(one.drops).toEqual(['echo']);
    expect(two.drops).toEqual(['twin']);
  });

  const heartbeat: Message = { kind: 'heartbeat', isLeaving: false, isAsking: false, entries: [] };
  const request = {
    kind: 'request' as const,
    to: 'b',
    document: DOCUMENT,
    nonce: 1,
    stateVector: Uint8Array.of(0),
    deleteDigest: new Uint8Array(16),
  };
  const elsewhere = bucketChannel((Number(CHANNEL.slice(1)) + 1) % 64);
  const misplaced: readonly [string, Channel, Uint8Array][] = [
    ['an update on another bucket', elsewhere, forged(update(1))],
    ['an update for everyone', EVERYONE, forged(update(1))],
    ['a heartbeat on a bucket', CHANNEL, forged(heartbeat)],
    ['a request on a bucket', CHANNEL, forged(request)],
    ['a request to another node on ours', nodeChannel('b'), forged({ ...request, to: 'c' })],
    [
      'a request to another node on its own channel',
      nodeChannel('c'),
      forged({ ...request, to: 'c' }),
    ],
    ['an update on a node channel', nodeChannel('b'), forged(update(1))],
  ];
  it.each(misplaced)('B04 %s is dropped as a mismatch', async (_row, channel, bytes) => {
    const world = new World();
    const b = await world.party('b');
    await b.bus.subscribe([elsewhere]);
    world.network.join('x', 'eu').open({ onMessage: () => undefined, onLink: () => undefined });
    b.exchange.onMessage({ channel, region: 'eu', bytes });
    expect(b.received).toEqual([]);
    expect(b.drops).toEqual(['mismatch']);
    expect(b.missed).toEqual([]);
  });

  const dropped: readonly [string, Uint8Array, ExchangeDrop][] = [
    ['B01 random bytes', Buffer.from('not an envelope at all'), 'malformed'],
    ['B01 a payload that is not of its kind', forged(update(1), { kind: 'presence' }), 'malformed'],
    ['B01 an update without a document', forged(update(1), { document: null }), 'malformed'],
    ['B02 a higher version', forged(update(1)).with(2, 9), 'version'],
    ['B12 40 MB', new Uint8Array(40_000_000), 'too-large'],
  ];
  it.each(dropped)('%s is dropped and counted', async (_row, bytes, reason) => {
    const world = new World();
    const b = await world.party('b');
    b.exchange.onMessage({ channel: CHANNEL, region: 'eu', bytes });
    expect(b.received).toEqual([]);
    expect(b.drops).toEqual([reason]);
    expect(b.exchange.dropped[reason]).toBe(1);
  });

  it('B14 with a secret only its holders are heard', async () => {
    const world = new World();
    const b = await world.party('b', 'secret of the nodes');
    const [friend, foe, stranger] = [
      await world.party('friend', 'secret of the nodes'),
      await world.party('foe', 'another secret'),
      await world.party('stranger'),
    ];
    for (const { exchange } of [foe, stranger, friend]) exchange.send(update(1));
    await world.settle();
    expect(b.received.map(({ origin }) => origin)).toEqual(['friend']);
    expect(b.drops).toEqual(['auth', 'auth']);
  });

  it('B20 a revocation of nobody is dropped, and the next is heard', async () => {
    const world = new World();
    const b = await world.party('b');
    const good: Message = {
      kind: 'revoke',
      revocations: [{ tokenId: null, subject: 'ann', document: null, atMs: 1 }],
    };
    const everybody = forged(good, { payload: Uint8Array.of(1, 0, 0, 0, 1) });
    b.exchange.onMessage({ channel: EVERYONE, region: 'eu', bytes: everybody });
    b.exchange.onMessage({ channel: EVERYONE, region: 'eu', bytes: forged(good) });
    expect(b.drops).toEqual(['malformed']);
    expect(b.received.map(({ message }) => message)).toEqual([good]);
  });

  const sequences: readonly [string, readonly number[], readonly number[], readonly string[]][] = [
    ['B05 a gap is told before the message that shows it', [1, 3], [1, 3], ['first', 'gap']],
    ['B06 a duplicate is dropped', [1, 1, 2], [1, 2], ['first']],
    ['B07 reordered messages all arrive, with one gap', [1, 3, 2], [1, 3, 2], ['first', 'gap']],
    ['B08 a number from before is dropped, and told', [5, 2, 6], [5, 6], ['first', 'stale']],
  ];
  it.each(sequences)('%s', async (_row, seqs, delivered, reasons) => {
    const world = new World();
    const b = await world.party('b');
    for (const seq of seqs) {
      b.exchange.onMessage({ channel: CHANNEL, region: 'eu', bytes: forged(update(seq), { seq }) });
    }
    expect(b.received.map(({ seq }) => seq)).toEqual(delivered);
    expect(b.missed.map(({ reason }) => reason)).toEqual(reasons);
  });

  it('B09 a new epoch is told, and what is left of the old one is stale', async () => {
    const world = new World();
    const b = await world.party('b');
    const feed = (seq: number, epoch: string): void => {
      const bytes = forged(update(seq), { seq, epoch });
      b.exchange.onMessage({ channel: CHANNEL, region: 'eu', bytes });
    };
    feed(7, EPOCH);
    feed(1, 'f'.repeat(16));
    feed(8, EPOCH);
    feed(2, 'f'.repeat(16));
    expect(b.received.map(({ seq }) => seq)).toEqual([7, 1, 2]);
    expect(b.missed.map(({ reason }) => reason)).toEqual(['first', 'new-epoch', 'stale']);
  });

  it('a message that could not leave still uses up its number, so that the others notice', async () => {
    const world = new World();
    const [a, b] = [await world.party('a'), await world.party('b')];
    a.exchange.send(update(1));
    await world.settle();
    world.network.mute('a', true);
    a.exchange.send(update(2));
    world.network.mute('a', false);
    a.exchange.send(update(3));
    await world.settle();
    expect(b.received.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(b.missed.map(({ reason }) => reason)).toEqual(['first', 'gap']);
    expect(b.exchange.gaps).toBe(1);
  });

  it('requests to several nodes make no gaps', async () => {
    const world = new World();
    const [a, b, c] = [await world.party('a'), await world.party('b'), await world.party('c')];
    for (const to of ['b', 'c', 'b']) a.exchange.send({ ...request, to });
    await world.settle();
    expect(b.received.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(c.received.map(({ seq }) => seq)).toEqual([2]);
    expect([...b.missed, ...c.missed]).toEqual([]);
  });

  it('an epoch is 64 bits of what it is given', () => {
    expect(newEpoch((length) => new Uint8Array(length).fill(0xab))).toBe('ab'.repeat(8));
  });
});
