import * as encoding from 'lib0/encoding';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { PresenceTable } from '../../../server/rooms/presence.ts';

const limits = { stateBytesMax: 8192, stateDepthMax: 16 };

function entry(clientId: number, clock: number, json: string): Uint8Array {
  return entries([[clientId, clock, json]]);
}

function entries(list: readonly (readonly [number, number, string])[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, list.length);
    for (const [clientId, clock, json] of list) {
      encoding.writeVarUint(encoder, clientId);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, json);
    }
  });
}

/** What a stock client sees after the table's messages. */
function seenBy(messages: readonly (Uint8Array | null)[]): Map<number, unknown> {
  const awareness = new Awareness(new Y.Doc());
  awareness.setLocalState(null);
  for (const message of messages) {
    if (message !== null) applyAwarenessUpdate(awareness, message, 'test');
  }
  const states = new Map<number, unknown>(awareness.getStates());
  awareness.destroy();
  return states;
}

describe('PresenceTable', () => {
  it('takes what a stock client sends and gives a newcomer what a stock client reads', () => {
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    awareness.setLocalStateField('user', { name: 'Ada' });
    const table = new PresenceTable(limits);
    const sent = encodeAwarenessUpdate(awareness, [doc.clientID]);
    expect(table.apply(sent, {})).toEqual({ kind: 'ok' });
    expect(seenBy([table.encodeAll()])).toEqual(
      new Map([[doc.clientID, { user: { name: 'Ada' } }]]),
    );
    awareness.destroy();
  });

  it('[I9] a connection that goes takes its cursor with it', () => {
    const table = new PresenceTable(limits);
    const ada = {};
    table.apply(entry(1, 1, '{"a":1}'), ada);
    const arrival = table.takeChanges();
    table.leave(ada);
    expect(seenBy([arrival, table.takeChanges()]).size).toBe(0);
    expect(table.encodeAll()).toBeNull();
  });

  it('coalesces: one entry a client however often it changed', () => {
    const table = new PresenceTable(limits);
    const ada = {};
    for (let clock = 1; clock <= 50; clock += 1)
      table.apply(entry(1, clock, `{"n":${clock}}`), ada);
    expect(seenBy([table.takeChanges()])).toEqual(new Map([[1, { n: 50 }]]));
    expect(table.takeChanges()).toBeNull();
  });

  it('ignores echoes of other clients, and never lets them claim an id', () => {
    const table = new PresenceTable(limits);
    const ada = {};
    const bob = {};
    table.apply(entry(1, 5, '{"ada":1}'), ada);
    table.apply(entry(2, 1, '{"bob":1}'), bob);
    table.apply(
      entries([
        [2, 2, '{"bob":2}'],
        [1, 5, '{"ada":1}'],
        [1, 9, 'null'],
        [7, 1, '{"ghost":1}'],
      ]),
      bob,
    );
    expect(seenBy([table.encodeAll()])).toEqual(
      new Map<number, unknown>([
        [1, { ada: 1 }],
        [2, { bob: 2 }],
      ]),
    );
  });

  it('a client that only echoes cannot take over, and the owner goes on', () => {
    const table = new PresenceTable(limits);
    const ada = {};
    const silent = {};
    table.apply(entry(1, 5, '{"ada":1}'), ada);
    table.apply(entry(1, 5, '{"ada":1}'), silent);
    table.apply(entry(1, 6, '{"ada":2}'), ada);
    table.leave(silent);
    expect(seenBy([table.encodeAll()])).toEqual(new Map([[1, { ada: 2 }]]));
  });

  it('[I9] a client that reconnects before its old socket is dead stays present', () => {
    const table = new PresenceTable(limits);
    const oldSocket = {};
    const newSocket = {};
    table.apply(entry(1, 5, '{"a":1}'), oldSocket);
    table.apply(entry(1, 5, '{"a":1}'), newSocket);
    table.takeChanges();
    table.leave(oldSocket);
    expect(table.takeChanges()).toBeNull();
    table.apply(entry(1, 6, '{"a":2}'), newSocket);
    expect(seenBy([table.takeChanges()])).toEqual(new Map([[1, { a: 2 }]]));
    table.leave(newSocket);
    expect(table.size).toBe(0);
  });

  it.each([
    ['empty', new Uint8Array(), 'invalid-presence'],
    ['truncated', Uint8Array.of(1, 5), 'invalid-presence'],
    ['a count of 2^31', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08), 'presence-limit'],
    ['bad JSON', entry(5, 1, '{bad'), 'invalid-presence'],
    ['a string', entry(5, 1, '"x"'), 'invalid-presence'],
    ['a number', entry(5, 1, '1'), 'invalid-presence'],
    ['an array', entry(5, 1, '[]'), 'invalid-presence'],
    ['8 KiB and one byte', entry(5, 1, `{"a":"${'x'.repeat(8185)}"}`), 'presence-limit'],
    [
      'multi-byte characters over 8 KiB',
      entry(5, 1, `{"a":"${'ü'.repeat(4096)}"}`),
      'presence-limit',
    ],
    [
      '5,000 nested arrays',
      entry(5, 1, `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`),
      'presence-limit',
    ],
    ['trailing bytes', Uint8Array.of(0, 1), 'invalid-presence'],
  ])('[I6] refuses %s', (_what, bytes, code) => {
    const table = new PresenceTable(limits);
    expect(table.apply(bytes, {})).toEqual({ kind: 'refused', code });
    expect(table.size).toBe(0);
  });

  it('takes exactly 8 KiB', () => {
    const table = new PresenceTable(limits);
    expect(table.apply(entry(5, 1, `{"a":"${'x'.repeat(8184)}"}`), {})).toEqual({ kind: 'ok' });
  });

  it('[I6] refuses a clock that leaps', () => {
    const table = new PresenceTable(limits);
    const ada = {};
    table.apply(entry(1, 1, '{}'), ada);
    expect(table.apply(entry(1, 20_000, '{}'), ada)).toEqual({
      kind: 'refused',
      code: 'presence-limit',
    });
  });

  it('[I6] keeps nothing of 50,000 goodbyes for ids that nobody has', () => {
    const table = new PresenceTable(limits);
    for (let id = 0; id < 50_000; id += 1) table.apply(entry(id, 1, 'null'), {});
    expect(table.size).toBe(0);
    expect(table.takeChanges()).toBeNull();
  });
});
