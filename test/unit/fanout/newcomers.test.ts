/** Nodes that have just started: what they do not have yet they do not deny. */
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { decodeEnvelope } from '../../../server/fanout/envelope.ts';
import { MemoryNetwork } from '../../../server/fanout/memory-bus.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { FanoutNode } from '../../support/fanout-node.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const REGIONS = ['eu', 'us', 'ap'];
const named = (name: string): DocumentName => name as DocumentName;

class World {
  readonly timers = new VirtualTimers();
  readonly network: MemoryNetwork;
  readonly #dice = seededRandom(41);
  /** Answers about it never arrive. */
  lost: string | null = null;
  /** The full node lives, and nobody sees what it has. */
  isMute = false;

  constructor() {
    this.network = new MemoryNetwork({
      timers: this.timers,
      random: () => this.#dice.float(),
      loses: ({ bytes }) => {
        const decoded = decodeEnvelope(bytes, null);
        if (!decoded.ok) return false;
        const { kind, document, origin } = decoded.envelope;
        if (this.isMute && kind === 'buckets' && origin === 'full') return true;
        return kind === 'reply' && document === this.lost;
      },
    });
  }

  async start(node: string, region: string): Promise<FanoutNode> {
    const { network, timers } = this;
    const random = (): number => this.#dice.float();
    const made = await FanoutNode.start({
      network,
      timers,
      random,
      node,
      region,
      regions: REGIONS,
    });
    onTestFinished(async () => {
      const ending = made.end();
      await timers.advance(1_000);
      await ending;
    });
    return made;
  }

  /** With so many documents of which no heartbeat speaks any more; nobody else is there yet. */
  async full(documents: number): Promise<FanoutNode> {
    const node = await this.start('full', 'eu');
    await this.timers.advance(1_000);
    for (let at = 0; at < documents; at += 1) {
      const doc = new Y.Doc();
      doc.getText('t').insert(0, `${at}`);
      const update = Y.encodeStateAsUpdate(doc);
      await this.settle(node.documents.write(named(`d${at}`), update, { isCreating: true }));
    }
    await this.timers.advance(700_000);
    return node;
  }

  /** What becomes of it, in virtual time: what it resolves with, or the code of the error. */
  async settle(work: Promise<unknown>, ms: number = 5_000): Promise<unknown> {
    const outcomes: unknown[] = [];
    work.then(
      (value) => outcomes.push(value),
      (error: unknown) => outcomes.push((error as { code: string }).code),
    );
    for (let left = ms; left > 0 && outcomes.length === 0; left -= 10) {
      await this.timers.advance(10);
    }
    if (outcomes.length === 0) throw new Error('does not settle');
    return outcomes[0];
  }

  async get(node: FanoutNode, name: string): Promise<unknown> {
    const answer = await this.settle(node.documents.metadata(named(name)));
    return typeof answer === 'string' ? answer : 'there';
  }

  async list(node: FanoutNode): Promise<unknown> {
    const answer = await this.settle(node.documents.list({ limit: 1_000 }));
    return Array.isArray(answer) ? answer.length : answer;
  }
}

describe('[I2] a newcomer', () => {
  it('denies nothing and lists nothing until it has got what there is', async () => {
    const world = new World();
    await world.full(40);
    const newcomer = await world.start('new', 'us');
    const seen = new Set<unknown>();
    const lists = new Set<unknown>();
    for (let at = 0; at < 40; at += 1) {
      seen.add(await world.get(newcomer, `d${at}`));
      lists.add(await world.list(newcomer));
    }
    expect(seen.has('document-not-found')).toBe(false);
    await world.timers.advance(10_000);
    expect(await world.get(newcomer, 'nowhere')).toBe('document-not-found');
    lists.add(await world.list(newcomer));
    lists.delete('replica-behind');
    expect([...lists]).toEqual([40]);
  });

  it('does not take the word of another newcomer for it', async () => {
    const world = new World();
    const full = await world.full(5);
    // They see each other first.
    world.isMute = true;
    const newcomers = [await world.start('new1', 'us'), await world.start('new2', 'ap')];
    await world.timers.advance(6_000);
    world.isMute = false;
    const seen: unknown[] = [];
    for (let at = 0; at < 5; at += 1) {
      for (const newcomer of newcomers) seen.push(await world.get(newcomer, `d${at}`));
    }
    expect(seen).not.toContain('document-not-found');
    await world.timers.advance(8_000);
    for (const newcomer of newcomers) expect(await world.list(newcomer)).toBe(5);
    expect(full.sweep.counts()).toMatchObject({ wanted: 0, documents: 5 });
  });

  it('is shown what there is although the first word of it was lost', async () => {
    const world = new World();
    await world.full(5);
    world.network.cut('eu', 'us');
    const newcomer = await world.start('new', 'us');
    await world.timers.advance(4_000);
    world.network.heal('eu', 'us');
    // Long before the next round.
    await world.timers.advance(6_000);
    expect(await world.list(newcomer)).toBe(5);
  });

  it('asks until it is shown what there is: what it is shown may be lost for a while', async () => {
    const world = new World();
    await world.full(5);
    world.isMute = true;
    const newcomer = await world.start('new', 'us');
    await world.timers.advance(10_000);
    expect(await world.get(newcomer, 'd0')).not.toBe('document-not-found');
    expect(await world.list(newcomer)).toBe('replica-behind');
    world.isMute = false;
    // Long before the next round.
    await world.timers.advance(8_000);
    expect(await world.list(newcomer)).toBe(5);
  });

  it('that reaches nobody denies nothing for a minute, and lists what it has after some seconds', async () => {
    const world = new World();
    await world.full(1);
    world.network.cut('us', 'us');
    world.network.cut('eu', 'us');
    const newcomer = await world.start('new', 'us');
    await world.timers.advance(20_000);
    expect(await world.get(newcomer, 'd0')).toBe('replica-behind');
    expect(await world.list(newcomer)).toBe(0);
    await world.timers.advance(50_000);
    expect(await world.get(newcomer, 'd0')).toBe('document-not-found');
  });

  it('that is alone says so after some seconds', async () => {
    const world = new World();
    const alone = await world.start('alone', 'eu');
    expect(await world.get(alone, 'x')).toBe('replica-behind');
    await world.timers.advance(8_000);
    expect(await world.get(alone, 'x')).toBe('document-not-found');
    expect(await world.list(alone)).toBe(0);
  });

  it('several that start at once and know all that there is wait for nobody else', async () => {
    const world = new World();
    const nodes = await Promise.all(REGIONS.map((region) => world.start(`n-${region}`, region)));
    await world.timers.advance(9_000);
    for (const node of nodes) expect(await world.get(node, 'x')).toBe('document-not-found');
  });

  it('what cannot be had holds up lists for half a minute, not for ever', async () => {
    const world = new World();
    await world.full(3);
    world.lost = 'd1';
    const newcomer = await world.start('new', 'us');
    await world.timers.advance(20_000);
    expect(await world.list(newcomer)).toBe('replica-behind');
    await world.timers.advance(40_000);
    expect(await world.list(newcomer)).toBe(2);
  });
});
