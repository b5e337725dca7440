import * as encoding from 'lib0/encoding';
import * as decoding from 'lib0/decoding';
import { describe, expect, it } from 'vitest';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { PRESENCE_ENTRIES_MAX, type PresenceMessage } from '../../../server/fanout/messages.ts';
import { PresenceLease, presenceMessages } from '../../../server/fanout/presence-lease.ts';
import { decodePayload, encodePayload } from '../../../server/fanout/payloads.ts';
import { PresenceTable } from '../../../server/rooms/presence.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const notes = 'notes' as DocumentName;
const limits = { stateBytesMax: 8192, stateDepthMax: 16 };

/** Whom a newcomer to the table sees. */
function seen(table: PresenceTable): readonly number[] {
  const all = table.encodeAll();
  if (all === null) return [];
  const decoder = decoding.createDecoder(all);
  const ids: number[] = [];
  for (let left = decoding.readVarUint(decoder); left > 0; left -= 1) {
    ids.push(decoding.readVarUint(decoder));
    decoding.readVarUint(decoder);
    decoding.readVarString(decoder);
  }
  return ids.toSorted((a, b) => a - b);
}

function state(clientId: number, clock: number, json: string = '{}'): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, clientId);
    encoding.writeVarUint(encoder, clock);
    encoding.writeVarString(encoder, json);
  });
}

class House {
  readonly table = new PresenceTable(limits);
  readonly lease: PresenceLease;
  readonly node: string;
  epoch = '00000000000000aa';
  isOpen = true;
  isCut = false;
  /** Messages of others. */
  heard = 0;

  constructor(node: string, timers: VirtualTimers, others: readonly House[]) {
    this.node = node;
    const room = {
      name: notes,
      presence: {
        own: () => this.table.own(),
        applyRemote: this.table.applyRemote.bind(this.table),
        leaveNode: this.table.leaveNode.bind(this.table),
      },
    };
    this.lease = new PresenceLease({
      find: () => (this.isOpen ? room : null),
      rooms: () => (this.isOpen ? [room] : []),
      send: (message) => {
        for (const other of others) if (other !== this) other.hear(this, message);
      },
      timers,
    });
  }

  hear({ node, epoch, isCut }: House, message: PresenceMessage): void {
    if (isCut || this.isCut) return;
    this.heard += 1;
    const copy = decodePayload('presence', notes, encodePayload(message));
    if (copy === null) throw new Error('does not decode');
    const traceparent = null;
    this.lease.onPresence({
      origin: node,
      epoch,
      region: 'eu',
      seq: 1,
      traceparent,
      message: copy,
    });
  }

  /** What the feed of a room does at the end of its window. */
  flush(): void {
    this.table.takeChanges();
    this.lease.say(notes, this.table.takeOwnChanges(), false);
  }
}

function houses(): { timers: VirtualTimers; all: House[]; a: House; b: House } {
  const timers = new VirtualTimers();
  const all: House[] = [];
  const a = new House('a', timers, all);
  const b = new House('b', timers, all);
  all.push(a, b);
  return { timers, all, a, b };
}

/** Lets seconds go by, with their ticks. */
function ticking(timers: VirtualTimers, all: readonly House[]): (count: number) => Promise<void> {
  return async (count) => {
    for (let second = 0; second < count; second += 1) {
      await timers.advance(1_000);
      for (const house of all) house.lease.tick();
    }
  };
}

describe('presence of other nodes', () => {
  it('[I9] comes, changes and goes with the client, and is not told twice', () => {
    const { a, b } = houses();
    const ada = {};
    a.table.apply(state(1, 1), ada);
    a.flush();
    expect(seen(b.table)).toEqual([1]);
    b.flush();
    expect(b.table.own()).toEqual([]);
    a.table.leave(ada);
    a.flush();
    expect(seen(b.table)).toEqual([]);
    expect(b.table.takeChanges()).not.toBeNull();
  });

  it('[I9] the cursors of a node go at once when it says goodbye, and come back when it does', () => {
    const { a, b } = houses();
    a.table.apply(state(1, 1), {});
    a.flush();
    b.lease.onPeer(a, 'left');
    expect(seen(b.table)).toEqual([]);
    expect(b.table.takeChanges()).not.toBeNull();
    // Under way when it said goodbye.
    a.lease.sendAll();
    expect(seen(b.table)).toEqual([]);
    b.lease.onPeer(a, 'joined');
    a.lease.onPeer(b, 'joined');
    expect(seen(b.table)).toEqual([1]);
  });

  it('[I9] the cursors of a node that is lost stay until its clients would be newer, and then go', async () => {
    const { timers, all, a, b } = houses();
    const seconds = ticking(timers, all);
    a.table.apply(state(1, 1), {});
    a.flush();
    b.table.takeChanges();
    a.isCut = true;
    b.lease.onPeer(a, 'lost');
    await seconds(11);
    expect(seen(b.table)).toEqual([1]);
    // Heard again in time: nobody has noticed.
    b.lease.onPeer(a, 'joined');
    await seconds(5);
    expect(seen(b.table)).toEqual([1]);
    expect(b.table.takeChanges()).toBeNull();

    b.lease.onPeer(a, 'lost');
    await seconds(12);
    expect(seen(b.table)).toEqual([]);
    expect(b.table.takeChanges()).not.toBeNull();
    a.isCut = false;
    b.lease.onPeer(a, 'joined');
    a.lease.onPeer(b, 'joined');
    expect(seen(b.table)).toEqual([1]);
  });

  it('[I9] a partition: both sides see their own only; after it nobody does anything and all are back', async () => {
    const { timers, all, a, b } = houses();
    a.table.apply(state(1, 1), {});
    b.table.apply(state(2, 1), {});
    a.flush();
    b.flush();
    expect([seen(a.table), seen(b.table)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    a.isCut = true;
    a.lease.onPeer(b, 'lost');
    b.lease.onPeer(a, 'lost');
    await timers.advance(60_000);
    for (const house of all) house.lease.tick();
    expect([seen(a.table), seen(b.table)]).toEqual([[1], [2]]);
    a.isCut = false;
    // As in reality, one side may notice first.
    a.lease.onPeer(b, 'joined');
    expect(seen(b.table)).toEqual([1, 2]);
    b.lease.onPeer(a, 'joined');
    expect(seen(a.table)).toEqual([1, 2]);
  });

  it('[I9] a cut too short to end a lease: who asks afterwards is told at once what changed meanwhile', async () => {
    const { timers, a, b } = houses();
    a.table.apply(state(1, 1), {});
    a.flush();
    b.isCut = true;
    a.table.apply(state(2, 1), {});
    a.flush();
    b.isCut = false;
    expect(seen(b.table)).toEqual([1]);
    // Two heartbeats of one that asks, and those of others, are answered together.
    for (let times = 0; times < 100; times += 1) a.lease.onAsked();
    expect(timers.pendingCount).toBe(1);
    await timers.advance(500);
    expect(seen(b.table)).toEqual([1, 2]);
    // Who has nobody has nothing to say.
    b.lease.onAsked();
    expect(timers.pendingCount).toBe(0);
  });

  it('[I9] a lost message is repaired by the next refresh, a lost goodbye too', async () => {
    const { timers, all, a, b } = houses();
    const seconds = ticking(timers, all);
    const ada = {};
    const bob = {};
    a.table.apply(state(1, 1), ada);
    a.table.apply(state(2, 1), bob);
    b.isCut = true;
    a.flush();
    b.isCut = false;
    await timers.advance(10_000);
    a.lease.tick();
    expect(seen(b.table)).toEqual([1, 2]);
    b.isCut = true;
    a.table.leave(ada);
    a.flush();
    b.isCut = false;
    await timers.advance(10_000);
    a.lease.tick();
    expect(seen(b.table)).toEqual([2]);
    // The last one leaves, and that is lost as often as it is said: the table's own lease ends.
    b.isCut = true;
    a.table.leave(bob);
    a.flush();
    await seconds(12);
    b.isCut = false;
    await seconds(35 - 12);
    expect(seen(b.table)).toEqual([]);
  });

  it('[I9] who has come or gone is said again soon, the last one too; who only moves is not', async () => {
    const { timers, all, a, b } = houses();
    const seconds = ticking(timers, all);
    const ada = {};
    const bob = {};
    a.table.apply(state(1, 1), ada);
    a.flush();
    await seconds(15);
    b.isCut = true;
    a.table.apply(state(2, 1), bob);
    a.flush();
    b.isCut = false;
    expect(seen(b.table)).toEqual([1]);
    await seconds(3);
    expect(seen(b.table)).toEqual([1, 2]);
    await seconds(12);

    b.isCut = true;
    a.table.leave(ada);
    a.table.leave(bob);
    a.flush();
    b.isCut = false;
    await seconds(3);
    expect(seen(b.table)).toEqual([]);
    await seconds(12);

    a.table.apply(state(3, 1), {});
    a.flush();
    await seconds(15);
    const before = b.heard;
    for (let clock = 2; clock < 7; clock += 1) {
      a.table.apply(state(3, clock), {});
      a.flush();
    }
    await seconds(6);
    expect(b.heard - before).toBeLessThanOrEqual(5 + 1);
  });

  it('[I9] a room that opens is told who is there, once for all who ask', async () => {
    const { timers, a, b } = houses();
    b.isOpen = false;
    a.table.apply(state(1, 1), {});
    a.flush();
    b.isOpen = true;
    expect(seen(b.table)).toEqual([]);
    for (let times = 0; times < 100; times += 1) b.lease.ask(notes);
    expect(timers.pendingCount).toBe(1);
    await timers.advance(60);
    expect(seen(b.table)).toEqual([1]);
    // The answer is no question.
    expect(timers.pendingCount).toBe(0);
  });

  it('[I9] a new start of a node has nobody yet', () => {
    const { a, b } = houses();
    a.table.apply(state(1, 1), {});
    a.flush();
    a.epoch = '00000000000000ab';
    b.lease.onPeer(a, 'restarted');
    expect(seen(b.table)).toEqual([]);
  });

  it('AW07 what a live connection here says of its client stands, whatever another node says of the same', () => {
    const { a, b } = houses();
    const ada = {};
    b.table.apply(state(1, 5, '{"at":"b"}'), ada);
    b.flush();
    a.table.apply(state(1, 9, '{"at":"a"}'), {});
    a.flush();
    expect(b.table.own()).toEqual([{ clientId: 1, clock: 5, json: '{"at":"b"}' }]);
    expect(b.table.takeChanges()).toBeNull();
    // It has moved to the other node, and its old connection is noticed dead: it is still there.
    b.table.leave(ada);
    expect(seen(b.table)).toEqual([1]);
    expect(Buffer.from(b.table.takeChanges() ?? []).toString()).toContain('"at":"a"');
  });

  it('B19 a node has at most so many clients, in all documents together, and no state that a client could not have', () => {
    const { a, b } = houses();
    const entries = Array.from({ length: PRESENCE_ENTRIES_MAX }, (_, at) => ({
      clientId: at,
      clock: 1,
      json: '{}',
    }));
    b.hear(a, { kind: 'presence', document: notes, isComplete: true, entries });
    const more = entries.map((entry) => ({ ...entry, clientId: entry.clientId + 1_000_000 }));
    b.hear(a, { kind: 'presence', document: notes, isComplete: false, entries: more.slice(0, 5) });
    expect(b.table.encodeAll()).not.toBeNull();
    expect(seen(b.table)).toHaveLength(PRESENCE_ENTRIES_MAX);
    expect(b.lease.dropped).toBe(5);
    const odd = ['[]', '"x"', '{bad', `{"x":"${'x'.repeat(9000)}"}`, '['.repeat(5000)];
    b.hear(a, {
      kind: 'presence',
      document: notes,
      isComplete: true,
      entries: odd.map((json, clientId) => ({ clientId, clock: 2, json })),
    });
    expect(b.lease.dropped).toBe(10);
    expect(seen(b.table)).toEqual([0, 1, 2, 3, 4]);
  });

  it('cuts a large table so that each message can be sent', () => {
    const entries = Array.from({ length: 2_000 }, (_, clientId) => ({
      clientId,
      clock: 1,
      json: JSON.stringify({ text: 'é'.repeat(400) }),
    }));
    const messages = [...presenceMessages(notes, entries, true)];
    expect(messages.length).toBeGreaterThan(5);
    for (const message of messages) encodePayload(message);
    expect(messages.flatMap((message) => message.entries)).toEqual(entries);
    expect(messages.some(({ isComplete }) => isComplete)).toBe(false);
    const huge = [{ clientId: 1, clock: 1, json: `{"x":"${'x'.repeat(70_000)}"}` }];
    expect([...presenceMessages(notes, huge, true)]).toEqual([]);
  });
});
