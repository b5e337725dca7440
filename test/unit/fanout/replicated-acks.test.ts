import { describe, expect, it } from 'vitest';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { Receipts, type Sender } from '../../../server/fanout/receipts.ts';
import type { DurableMessage } from '../../../server/fanout/messages.ts';
import { seededRandom } from '../../support/random.ts';
import { ReplicaModel } from '../../support/replica-model.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

function dice(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.float();
}

const notes = 'notes' as DocumentName;
const origin: Sender = { origin: 'a', epoch: '00000000000000aa', region: 'eu' };

/** Every claim is true: what the marks say is on the peer's disk is there. */
function expectTrue(model: ReplicaModel, replay: string): void {
  const onDisk = model.onPeerDisk;
  const { chainSeq, provenSeq } = model.replication;
  for (const [seq, isLocal] of model.updates.entries()) {
    if (seq <= provenSeq || (isLocal && seq <= chainSeq)) {
      expect(onDisk.has(seq), `${replay}: update ${seq} of ${chainSeq}/${provenSeq}`).toBe(true);
    }
  }
}

const wanted = (model: ReplicaModel): { chainSeq: number; provenSeq: number } => ({
  chainSeq: model.replication.localSeq,
  provenSeq: -1,
});

describe('replicated acks', () => {
  it('[I1] an update counts when the disk of another region has it, not when it has arrived', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, () => 0.5);
    model.write(true);
    model.flush();
    model.replication.want(wanted(model));
    await timers.advance(500);
    expect(model.peer).toEqual([0]);
    expect(model.replication.chainSeq).toBe(-1);
    model.commit();
    await timers.advance(30);
    expect(model.replication.chainSeq).toBe(0);
    expect(timers.pendingCount).toBe(0);
  });

  it('[I1] a lost update, a lost report and a lost last one are asked for', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, () => 0.5);
    for (const isReport of [false, true]) {
      model.write(true);
      if (!isReport) model.weather = { drop: 1, delayMsMax: 1 };
      model.flush();
      model.replication.want(wanted(model));
      await timers.advance(10);
      if (isReport) model.weather = { drop: 1, delayMsMax: 1 };
      model.commit();
      await timers.advance(100);
      model.weather = { drop: 0, delayMsMax: 1 };
      const seq = model.replication.localSeq;
      expect(model.replication.chainSeq).toBeLessThan(seq);
      await timers.advance(1_000);
      model.commit();
      await timers.advance(2_100);
      expect(model.replication.chainSeq).toBe(seq);
    }
  });

  it('[I1] what was stored before anybody asked, or came from another node, needs proof of the whole', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, () => 0.9);
    model.write(false);
    model.write(true);
    model.flush();
    await timers.advance(10);
    model.commit();
    await timers.advance(50);
    expect(model.peer).toEqual([1]);
    expect([model.replication.chainSeq, model.replication.provenSeq]).toEqual([1, -1]);
    model.replication.want({ chainSeq: -1, provenSeq: 1 });
    await timers.advance(50);
    expect(model.replication.provenSeq).toBe(-1);
    model.commit();
    await timers.advance(50);
    expect(model.replication.provenSeq).toBe(1);
    expectTrue(model, 'by hand');
  });

  it('[I1] an update too large to be published is not proven by a later one that was', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, () => 0.5);
    model.write(true);
    model.flush(true);
    model.write(true);
    model.flush();
    await timers.advance(10);
    model.commit();
    await timers.advance(50);
    expect(model.peer).toEqual([1]);
    expect(model.replication.chainSeq).toBe(-1);
    model.replication.want(wanted(model));
    await timers.advance(50);
    model.commit();
    await timers.advance(50);
    expect(model.replication.chainSeq).toBe(1);
  });

  it('[I1] in a partition marks stand still at bounded cost, and its end releases them', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, dice(7));
    model.weather = { drop: 1, delayMsMax: 1 };
    for (let minute = 0; minute < 10; minute += 1) {
      for (let edit = 0; edit < 600; edit += 1) {
        model.write(true);
        model.flush();
      }
      model.replication.want(wanted(model));
      await timers.advance(60_000);
    }
    expect(model.replication.chainSeq).toBe(-1);
    expect(timers.pendingCount).toBe(1);
    model.weather = { drop: 0, delayMsMax: 1 };
    model.acks.retry();
    await timers.advance(20);
    model.commit();
    await timers.advance(50);
    expect(model.replication.chainSeq).toBe(5_999);
    expect(timers.pendingCount).toBe(0);
  });

  it('B18 reports of this region, of another epoch, or about what was never sent prove nothing', async () => {
    const timers = new VirtualTimers();
    const model = new ReplicaModel(timers, () => 0.5);
    model.write(true);
    model.weather = { drop: 1, delayMsMax: 1 };
    model.flush();
    const report = (region: string, epoch: string, document: DocumentName, upToSeq: number): void =>
      model.acks.onDurable({
        origin: 'b',
        epoch: '00000000000000bb',
        region,
        seq: 1,
        traceparent: null,
        message: { kind: 'durable', to: 'a', epoch, entries: [{ document, upToSeq }] },
      });
    report('eu', origin.epoch, notes, 2);
    report('us', '00000000000000cc', notes, 2);
    report('us', origin.epoch, 'other' as DocumentName, 2);
    report('us', origin.epoch, notes, 99);
    expect([model.replication.chainSeq, model.acks.ignored]).toEqual([-1, 4]);
    report('us', origin.epoch, notes, 2);
    report('us', origin.epoch, notes, 2);
    expect([model.replication.chainSeq, model.acks.ignored]).toEqual([0, 4]);
  });

  it('[I1] whatever is lost, late, too large or stuck: no mark is ever ahead of the disk, and all are released', async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = dice(seed);
      const timers = new VirtualTimers();
      const model = new ReplicaModel(timers, random);
      for (let step = 0; step < 60; step += 1) {
        const roll = random();
        if (roll < 0.35) model.write(true);
        else if (roll < 0.45) model.write(false);
        else if (roll < 0.65) model.flush(random() < 0.2);
        else if (roll < 0.8) model.commit();
        else if (roll < 0.85) model.isPeerDiskStuck = !model.isPeerDiskStuck;
        else if (roll < 0.9) model.weather = { drop: random() * 0.8, delayMsMax: random() * 300 };
        else if (roll < 0.95) model.replication.want(wanted(model));
        else model.replication.want({ chainSeq: -1, provenSeq: model.replication.appliedSeq });
        await timers.advance(random() * 200);
        expectTrue(model, `seed ${seed}, step ${step}`);
      }
      model.weather = { drop: 0, delayMsMax: 1 };
      model.isPeerDiskStuck = false;
      model.flush();
      const need = { chainSeq: model.replication.localSeq, provenSeq: model.updates.length - 1 };
      model.replication.want(need);
      for (let second = 0; second < 40 && model.replication.isWaiting; second += 1) {
        await timers.advance(1_000);
        model.commit();
      }
      expect(model.replication.covers(need), `seed ${seed}`).toBe(true);
      expectTrue(model, `seed ${seed}, end`);
    }
  });
});

function receiptsOf(): {
  receipts: Receipts;
  timers: VirtualTimers;
  said: () => Promise<(readonly [string, string, number])[]>;
} {
  const timers = new VirtualTimers();
  const sent: DurableMessage[] = [];
  const receipts = new Receipts(
    {
      region: 'us',
      timers,
      send: (message) => sent.push(message),
      durableSeqOf: () => Infinity,
    },
    4,
  );
  return {
    receipts,
    timers,
    said: async () => {
      await timers.advance(25);
      return sent
        .splice(0)
        .flatMap(({ to, entries }) =>
          entries.map(({ document, upToSeq }) => [to, document, upToSeq] as const),
        );
    },
  };
}

describe('receipts', () => {
  it('follows the chain of a document, whatever comes first, and stops where a link is missing', async () => {
    const { receipts, said } = receiptsOf();
    receipts.note(origin, notes, 0, 3, 0);
    receipts.note(origin, notes, 9, 12, 2);
    expect(await said()).toEqual([['a', 'notes', 3]]);
    receipts.note(origin, notes, 5, 9, 1);
    expect(await said()).toEqual([]);
    receipts.note(origin, notes, 3, 5, 3);
    expect(await said()).toEqual([['a', 'notes', 12]]);
  });

  it('does not begin in the middle: who has missed the beginning waits for an answer', async () => {
    const { receipts, said } = receiptsOf();
    receipts.note(origin, notes, 7, 8, 0);
    expect(await said()).toEqual([]);
    receipts.covered(origin, notes, 7, 0);
    expect(await said()).toEqual([['a', 'notes', 8]]);
  });

  it('begins anew with each epoch of the origin', async () => {
    const { receipts, said } = receiptsOf();
    receipts.note(origin, notes, 0, 8, 0);
    receipts.note({ ...origin, epoch: '00000000000000ab' }, notes, 8, 9, 0);
    expect(await said()).toEqual([]);
    receipts.forget('a', '00000000000000ab');
    expect(receipts.chainCount).toBe(1);
  });

  it('says nothing to nodes of its own region, and forgets what it has no room for', async () => {
    const { receipts, said } = receiptsOf();
    receipts.note({ ...origin, region: 'us' }, notes, 0, 1, 0);
    expect(receipts.chainCount).toBe(0);
    for (let at = 0; at < 9; at += 1) receipts.note(origin, `d${at}` as DocumentName, 0, 1, 0);
    expect(receipts.chainCount).toBe(4);
    // Forgotten is not on disk: the origin asks.
    expect(await said()).toHaveLength(4);
    receipts.note(origin, 'd0' as DocumentName, 1, 2, 0);
    expect(await said()).toEqual([]);
  });
});
