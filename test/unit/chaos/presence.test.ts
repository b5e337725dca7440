/** Whom editors see, and whether that is who is there. */
import { afterEach, describe, expect, it } from 'vitest';
import { applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Presence } from '../../../chaos/editors/presence.ts';
import type { Look } from '../../../chaos/editors/orders.ts';
import { isPresenceTrue } from '../../../chaos/engine/presence.ts';

const docs: Y.Doc[] = [];

function person(user: string): Presence {
  const doc = new Y.Doc();
  docs.push(doc);
  return new Presence(doc, user);
}

function tell(from: Presence, to: Presence): void {
  const { awareness } = from;
  applyAwarenessUpdate(to.awareness, encodeAwarenessUpdate(awareness, [awareness.clientID]), null);
}

function look(session: string, users: readonly string[], rest: Partial<Look> = {}): Look {
  return {
    session,
    doc: 'notes',
    node: 'a',
    isSynced: true,
    isReader: false,
    isReading: false,
    users,
    ops: 0,
    unacked: 0,
    elements: 0,
    digest: '',
    layers: null,
    ...rest,
  };
}

describe('presence of editors', () => {
  afterEach(() => {
    for (const doc of docs.splice(0)) doc.destroy();
  });

  it('comes, goes with a goodbye, and comes again', () => {
    const [ada, bob] = [person('ada'), person('bob')];
    bob.come();
    expect(bob.users).toEqual(['bob']);
    for (let times = 0; times < 2; times += 1) {
      ada.come();
      tell(ada, bob);
      expect(bob.users).toEqual(['ada', 'bob']);
      ada.leave();
      tell(ada, bob);
      expect(bob.users).toEqual(['bob']);
    }
  });

  it('is true when everybody who is connected sees exactly those who are, document by document', () => {
    const apart = look('c', ['c'], { doc: 'other' });
    const away = look('d', ['a', 'x'], { isSynced: false });
    const both = ['a', 'b'];
    expect(isPresenceTrue([look('a', both), look('b', both), apart, away])).toBe(true);
    expect(isPresenceTrue([look('a', both), look('b', ['b']), apart])).toBe(false);
    expect(isPresenceTrue([look('a', [...both, 'd']), look('b', both), away])).toBe(false);
  });
});
