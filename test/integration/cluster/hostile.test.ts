/**
 * Who else can publish to Redis, and what a node does when it is told more than it can take: hostile and broken messages,
 * a secret that others do not have, an inbox that is full. Real nodes over a real Redis.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { EVERYONE, documentChannel, type Channel } from '../../../server/fanout/bus.ts';
import { encodeEnvelope, type Envelope } from '../../../server/fanout/envelope.ts';
import { encodePayload } from '../../../server/fanout/payloads.ts';
import { canonicalOf, ClusterStage, sample } from '../../support/cluster-stage.ts';
import type { NodeProcess } from '../../support/node-process.ts';
import { seededRandom } from '../../support/random.ts';
import { Rest, textUpdate } from '../../support/rest.ts';
import { RestWriter } from '../../support/rest-writer.ts';
import { documentName } from '../../support/room-house.ts';
import { UPDATE_CASES } from '../../support/update-cases.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 30_000;
const HEALED_MS = 5_000;
const [victim, fuzzed] = [documentName('victim'), documentName('fuzzed')];
/** What another node may have stored before this rule was one must be taken from it, or the two are apart for ever. */
const TOLERATED = [/forbidden-key/, /map-value/, /deeper.*: refused: depth/];
const EPOCH = '00112233445566ff';

/** Says what it likes in the form that nodes understand. */
class Mallory {
  #seq = 0;

  envelope(document: typeof victim, update: Uint8Array): Envelope {
    const previousSeq = this.#seq;
    this.#seq += 1;
    const payload = encodePayload({ kind: 'update', document, previousSeq, update });
    return {
      kind: 'update',
      origin: 'mallory',
      region: 'local',
      epoch: EPOCH,
      seq: this.#seq,
      document,
      traceparent: null,
      payload,
    };
  }

  update(document: typeof victim, update: Uint8Array): Uint8Array {
    return encodeEnvelope(this.envelope(document, update), null);
  }
}

const dropped = async (node: NodeProcess, reason: string): Promise<number> =>
  await sample(node, `bus_dropped_total{reason="${reason}"}`);

describe.concurrent('on the bus', () => {
  it('B11 poison in a valid envelope is refused by both nodes and told with its origin; B01 to B14 harm nobody', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const [a, b] = await Promise.all(
      ['a', 'b'].map(async (id) => await stage.node({ id, redisUrl: redis.url })),
    );
    if (a === undefined || b === undefined) throw new Error('no nodes');
    const honest = new RestWriter(a, victim);
    await honest.edit((text) => text.insert(0, 'honest'));
    const reader = stage.client(b, victim);
    const isHonest = (): boolean => canonicalOf(reader.doc) === canonicalOf(honest.doc);
    await waitUntil('B has it', isHonest, PATIENCE_MS);

    const bus = await stage.open({ node: 'm', places: [{ region: 'local', urls: [redis.url] }] });
    const say = (channel: Channel, bytes: Uint8Array): void => {
      bus.say(Buffer.from(bytes).toString('latin1'), channel);
    };
    const mallory = new Mallory();
    const taken = await sample(b, 'bus_updates_taken_total');
    const poison = UPDATE_CASES.filter(
      ([name, update, expected]) =>
        expected.startsWith('refused') &&
        update.length > 0 &&
        update.length < 200_000 &&
        !TOLERATED.some((pattern) => pattern.test(`${name}: ${expected}`)),
    );
    for (const [, update] of poison) say(documentChannel(victim), mallory.update(victim, update));
    for (const node of [a, b]) {
      await waitUntil(
        'all of it is refused',
        async () => (await dropped(node, 'refused')) === poison.length,
        PATIENCE_MS,
      );
      await waitUntil('and told', () => node.said.includes('"origin":"mallory"'));
    }

    expect(poison.length).toBeGreaterThan(40);
    expect(await sample(b, 'bus_updates_taken_total')).toBe(taken);
    expect(isHonest()).toBe(true);

    const good = mallory.update(victim, textUpdate('x', 7));
    const [channel, wrong] = [documentChannel(victim), documentChannel(fuzzed)];
    const random = seededRandom(11);
    say(channel, Uint8Array.of());
    say(channel, Uint8Array.of(0x53));
    say(
      channel,
      Uint8Array.from({ length: 1_024 }, () => random.below(256)),
    );
    say(
      channel,
      Uint8Array.from(good, (byte, at) => (at === 2 ? 9 : byte)),
    );
    say(wrong, good);
    say(EVERYONE, good);
    await redis.run('PUBLISH', `syncline:{${channel}}`, 'x'.repeat(2 * 1024 * 1024));
    for (let round = 0; round < 1_000; round += 1) {
      const bytes = Uint8Array.from(mallory.update(fuzzed, textUpdate(`${round}`, 100 + round)));
      for (let flips = 0; flips <= round % 3; flips += 1) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      say(wrong, bytes);
    }
    await waitUntil(
      'both have heard all that',
      async () => (await dropped(a, 'malformed')) > 100 && (await dropped(b, 'malformed')) > 100,
      PATIENCE_MS,
    );
    for (const reason of ['version', 'mismatch', 'too-large']) {
      expect(await dropped(a, reason), reason).toBeGreaterThan(0);
    }

    // They work as before, and agree.
    await honest.edit((text) => text.insert(0, 'still '));
    expect(await stage.time('an honest edit comes through', isHonest)).toBeLessThan(HEALED_MS);
    await waitUntil('they agree about the rest', async () => {
      const docs = await Promise.all(
        [a, b].map(
          async ({ url }) => await new Rest(url).document(fuzzed).catch(() => new Y.Doc()),
        ),
      );
      return new Set(docs.map(canonicalOf)).size === 1;
    });
    const [first] = await Promise.all(
      [a, b].map(async ({ url }) => (await fetch(`${url}/readyz`)).status),
    );
    expect(first).toBe(200);
  }, 120_000);

  it('B14 another BUS_SECRET is nobody: nothing is taken, everything is served; with the right one all converges', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const folder = stage.folder();
    const start = async (id: string, secret: string, dataDir?: string): Promise<NodeProcess> =>
      await stage.node({
        id,
        redisUrl: redis.url,
        env: { BUS_SECRET: secret },
        ...(dataDir === undefined ? {} : { dataDir }),
      });
    const right = 'the right secret of this cluster';
    const [a, b] = await Promise.all([
      start('a', right),
      start('b', 'a wrong one, as long', folder),
    ]);
    const [here, there] = [new RestWriter(a, 'notes'), new RestWriter(b, 'notes')];
    await here.edit((text) => text.insert(0, 'here'));
    await there.edit((text) => text.insert(0, 'there'));
    for (const node of [a, b]) {
      await waitUntil('the other is not believed', async () => (await dropped(node, 'auth')) > 3);
      expect(await sample(node, 'bus_updates_taken_total')).toBe(0);
      expect(await sample(node, 'bus_peers')).toBe(0);
    }
    expect((await new Rest(b.url).document('notes')).getText('text').toString()).toBe('there');

    b.terminate();
    await b.exited();
    const mended = await start('b', right, folder);
    const readers = [a, mended].map((node) => stage.client(node, 'notes'));
    await stage.time('both have both', () =>
      readers.every(({ text }) => text.includes('here') && text.includes('there')),
    );
    expect(new Set(readers.map(({ doc }) => canonicalOf(doc))).size).toBe(1);
  }, 120_000);

  it('[I6] [I2] a node whose disk is stuck drops what its inbox cannot hold, and has it all when the disk is back', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const stuckFile = join(stage.folder(), 'stuck');
    const [a, b] = await Promise.all([
      stage.node({ id: 'a', redisUrl: redis.url }),
      stage.node({
        id: 'b',
        redisUrl: redis.url,
        env: { COMMIT_QUEUE_BYTES_MAX: String(256 * 1024) },
        sabotage: { stuckWhile: stuckFile },
      }),
    ]);
    const writer = new RestWriter(a, 'notes');
    await writer.edit((text) => text.insert(0, 'begin'));
    const reader = stage.client(b, 'notes');
    await waitUntil('B has it', () => reader.text === 'begin', PATIENCE_MS);
    writeFileSync(stuckFile, '');
    for (let edit = 0; edit < 60; edit += 1) {
      await writer.edit((text) => text.insert(0, String(edit).padEnd(20_000, '.')));
    }
    await waitUntil('the inbox was full', async () => (await dropped(b, 'inbox-full')) > 0);
    expect(canonicalOf(reader.doc)).not.toBe(canonicalOf(writer.doc));
    rmSync(stuckFile);
    const healedMs = await stage.time(
      'everything is there',
      () => canonicalOf(reader.doc) === canonicalOf(writer.doc),
    );
    expect(healedMs).toBeLessThan(2 * HEALED_MS);
  }, 120_000);
});
