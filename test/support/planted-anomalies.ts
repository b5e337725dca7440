/** One lie for each invariant, told in a history that was true. Null: this history has no place for it. */
import type { Content, HistoryEvent } from '../../chaos/history/events.ts';
import { HistoryIndex, isOperation, type Operation } from '../../chaos/checker/history-index.ts';
import { hide, kept, misread, shows, swapped, withAlso, without } from './history-edits.ts';
import { missingOf } from '../../chaos/checker/version-order.ts';

type Plant = (history: readonly HistoryEvent[]) => HistoryEvent[] | null;

export const PLANTS: Readonly<Record<string, Plant>> = {
  'K0 two clients with one id': (history) => {
    const index = new HistoryIndex(history);
    for (const operations of index.operationsOf.values()) {
      const [first] = operations;
      const other = operations.find(({ proc }) => proc !== first?.proc);
      if (first === undefined || other === undefined) continue;
      return swapped(
        history,
        (event) => isOperation(event) && event.type === 'invoke' && event.op === other.op,
        (event) =>
          isOperation(event) && event.type === 'invoke'
            ? { ...event, client: first.client }
            : event,
      );
    }
    return null;
  },
  'K0 a fault that nobody proved': (history) =>
    swapped(
      history,
      (event) => event.f === 'fault' && event.type === 'proved',
      () => null,
    ),
  'K0 an end without a beginning': (history) =>
    swapped(
      history,
      (event) => event.f === 'add' && event.type === 'invoke',
      () => null,
    ),
  'K1 an acked addition that one node has lost': (history) =>
    misread(history, (read, index) =>
      read.phase === 'final' ? hide(index, read, () => true) : null,
    ),
  'K1 an acked value that one node has lost': (history) =>
    misread(history, ({ phase, doc, content }, index) => {
      const write = index.operationsOf
        .get(doc)
        ?.find(({ set, acks }) => set !== undefined && acks.length > 0);
      if (phase !== 'final' || write?.set === undefined) return null;
      return { ...content, reg: { ...content.reg, [write.set.key]: write.set.value - 1 } };
    }),
  'K2 an acked deletion that came back': (history) =>
    misread(history, ({ phase, doc, content }, index) => {
      if (phase !== 'final') return null;
      const gone = index.operationsOf
        .get(doc)
        ?.find(({ dels, acks }) => dels.length > 0 && acks.length > 0)?.dels[0];
      return gone === undefined ? null : withAlso(content, gone);
    }),
  'K3 an element of nobody': (history) =>
    misread(history, ({ content }) => withAlso(content, 'x:1')),
  'K3 a refused element': (history) =>
    misread(history, ({ doc, phase, content }) =>
      phase === 'settled' && doc === 'notes' ? withAlso(content, 'reader:e1') : null,
    ),
  'K3 an element before it was written': (history) =>
    misread(history, (read, index) => {
      const next = index.operationsOf
        .get(read.doc)
        ?.find(({ adds, invokedMono }) => adds.length > 0 && invokedMono > read.mono)?.adds[0];
      return next === undefined ? null : withAlso(read.content, next);
    }),
  'K3 torn text': (history) =>
    misread(history, ({ content }) => ({ ...content, text: [...content.text, 'torn:⟦w1:'] })),
  'K3 a value that nobody set': (history) =>
    misread(history, ({ content }) => ({ ...content, reg: { ...content.reg, w0: 99_999 } })),
  'K4 an element twice': (history) =>
    misread(history, ({ content }) => {
      const [first] = [...content.set, ...content.text];
      return first === undefined ? null : withAlso(content, first);
    }),
  'K5 a copy that ends differently': (history) =>
    swapped(
      history.toReversed(),
      (event) => event.f === 'read' && event.phase === 'settled',
      (event) =>
        event.f === 'read' && event.layers !== undefined
          ? { ...event, layers: { ...event.layers, ds: 'other', canon: 'other' } }
          : event,
    )?.toReversed() ?? null,
  'K5 a copy that cannot be read': (history) =>
    swapped(
      history.toReversed(),
      (event) => event.f === 'read' && event.phase === 'settled',
      (event) => (event.f === 'read' ? { ...event, type: 'fail', status: 503 } : event),
    )?.toReversed() ?? null,
  'K5 equal versions, unequal states': (history) => {
    const index = new HistoryIndex(history);
    const twice = index.reads.find((read) =>
      index.reads.some(
        (other) =>
          other !== read &&
          other.doc === read.doc &&
          other.layers?.sv === read.layers?.sv &&
          other.layers?.ds === read.layers?.ds,
      ),
    );
    return swapped(
      history,
      (event) => event === twice,
      (event) =>
        event.f === 'read' && event.layers !== undefined
          ? { ...event, layers: { ...event.layers, text: 'other' } }
          : event,
    );
  },
  'K5 healing that takes too long': (history) => slowHeal(history),
  'K6 a watcher that stays behind': (history) =>
    swapped(
      history.toReversed(),
      (event) => event.f === 'read' && event.phase === 'settled' && event.source === 'client',
      (event) =>
        event.f === 'read' && event.layers !== undefined
          ? { ...event, layers: { ...event.layers, sv: 'older', canon: 'older' } }
          : event,
    )?.toReversed() ?? null,
  'K7 a read without what was acked before': (history) =>
    misread(history, (read, index) =>
      read.phase === 'running' && read.source === 'rest'
        ? hide(index, read, ({ acks }) =>
            acks.some(({ node, mono }) => node === read.node && mono < read.invokedMono),
          )
        : null,
    ),
  'K8 a stale answer to who named its version': (history) =>
    misread(history, (read, index) =>
      read.hasMinVersion === true
        ? hide(
            index,
            read,
            ({ session, acks }) =>
              session === read.session && acks.some(({ mono }) => mono < read.invokedMono),
          )
        : null,
    ),
  'K9 a document that does not open': (history) =>
    swapped(
      history,
      (event) => event.f === 'open',
      (event) => (event.f === 'open' ? { ...event, type: 'fail', reason: 'checksum' } : event),
    ),
  'K9 a stored state with parts missing': (history) =>
    swapped(
      history,
      (event) => event.f === 'read' && event.source === 'disk',
      (event) => (event.f === 'read' ? { ...event, hasPending: true } : event),
    ),
  'K10 a session that sees less': (history) => {
    const index = new HistoryIndex(history);
    const last = index.reads.findLast(
      ({ session, version, source }) =>
        session !== undefined && source === 'client' && Object.keys(version?.sv ?? {}).length > 0,
    );
    return swapped(
      history,
      (event) => event === last,
      (event) => (event.f === 'read' ? { ...event, version: { sv: {}, ds: {} } } : event),
    );
  },
  'K11 an ack that the disk knows nothing of': (history) =>
    misread(history, (read, index) =>
      read.source === 'disk' && read.phase === 'running'
        ? hide(index, read, ({ acks }) => acks.some(({ node }) => node === read.node))
        : null,
    ),
  'K12 a local ack that waits for the bus': (history) => {
    const index = new HistoryIndex(history);
    const cut = index.faults.find(({ scope }) => scope === 'bus');
    if (cut === undefined) return null;
    const stalled = [...index.operations.values()].find(
      ({ invokedMono, acks, node }) =>
        node === 'b' && invokedMono > cut.fromMono && acks[0]?.level === 'local',
    );
    return (
      swapped(
        history,
        (event) => isOperation(event) && event.op === stalled?.op && event.type === 'ok',
        (event) => ({ ...event, mono: cut.toMono + 1 }),
      )?.toSorted((a, b) => a.mono - b.mono) ?? null
    );
  },
  'K13 a later edit without an earlier one': (history) =>
    misread(history, (read, index) => {
      if (read.phase !== 'settled') return null;
      for (const { client, adds } of index.operationsOf.get(read.doc) ?? []) {
        const [id] = adds;
        if (id === undefined || !shows(read.content, id)) continue;
        if (index.elements.get(id)?.dels.length !== 0) continue;
        const later = index.operationsOf
          .get(read.doc)
          ?.filter((each) => each.client === client)
          .flatMap((each) => each.adds)
          .filter((each) => shows(read.content, each));
        if (later?.at(-1) !== undefined && later.at(-1) !== id) return without(read.content, id);
      }
      return null;
    }),
  'K14 an edit without what its writer had seen': (history) => {
    const index = new HistoryIndex(history);
    const read = index.reads.find(
      ({ doc, node, content, source }) =>
        source === 'rest' && follower(index, doc, node, content) !== undefined,
    );
    return swapped(
      history,
      (event) => event === read,
      (event) => (event.f === 'read' ? { ...event, version: { sv: {}, ds: {} } } : event),
    );
  },
  'K15 an ack of what was not sent': (history) =>
    swapped(
      history,
      (event) => event.f === 'ack',
      (event) => (event.f === 'ack' ? { ...event, ackSeq: event.sentSeq + 1 } : event),
    ),
  'K15 an ack that goes back': (history) => {
    const acks = history.filter((event) => event.f === 'ack');
    const second = acks.find((event) => event.ackSeq > 1);
    return swapped(
      history,
      (event) => event === second,
      (event) => (event.f === 'ack' ? { ...event, ackSeq: 0 } : event),
    );
  },
  'K15 an ack after the end': (history) => {
    const ack = history.find((event) => event.f === 'ack');
    const end = history.at(-1);
    return ack === undefined || end === undefined ? null : [...history, { ...ack, mono: end.mono }];
  },
  'K16 an element of another document': (history) =>
    misread(history, ({ doc, content }, index) => {
      const foreign = kept(index, doc === 'notes' ? 'plans' : 'notes', () => true);
      return foreign === undefined ? null : withAlso(content, foreign);
    }),
  'K17 memory that does not come back': (history) =>
    swapped(
      history,
      (event) => event.f === 'resources' && event.phase === 'after',
      (event) =>
        event.f === 'resources'
          ? { ...event, gauges: { ...event.gauges, rssBytes: 200_000_000 } }
          : event,
    ),
  'K18 a reader who was acked': (history) =>
    swapped(
      acked(history, 's0'),
      (event) => event.f === 'token' && event.session === 's0',
      (event) => (event.f === 'token' ? { ...event, access: 'read' } : event),
    ),
  'K18 an ack long after the token ended': (history) =>
    swapped(
      acked(history, 's0'),
      (event) => event.f === 'token' && event.session === 's0',
      (event) => (event.f === 'token' ? { ...event, expMono: event.mono - 60_000 } : event),
    ),
  'K18 an ack long after the revocation': (history) => {
    const first = history.find((event) => event.f === 'token' && event.session === 's0');
    if (first?.f !== 'token') return null;
    const revocation: HistoryEvent = { ...first, type: 'revoked', mono: first.mono + 1 };
    return lateAck([...history, revocation], first.mono + 10_000);
  },
  'K18 a document that the token does not name': (history) =>
    swapped(
      acked(history, 's0'),
      (event) => event.f === 'token' && event.session === 's0',
      (event) => (event.f === 'token' ? { ...event, docs: ['other/*'] } : event),
    ),
  'K18 what a reader wrote shows, acked or not': (history) =>
    misread(history, ({ doc, phase, content }) =>
      phase === 'settled' && doc === 'notes' ? withAlso(content, 'reader:e1') : null,
    ),
  'K19 a ghost': (history) => {
    const ghost = history.find((event) => event.f === 'close' && event.session === 'watch-a-notes');
    return ghost === undefined
      ? null
      : lookedAround(history, (users) => [...users, 'watch-a-notes']);
  },
  'K19 somebody whom nobody sees': (history) =>
    lookedAround(history, (users) => users.filter((user) => user !== 'watch-c-notes')),
  'K20 numbers missing in the log': (history) =>
    swapped(
      history,
      (event) => event.f === 'verify',
      (event) => (event.f === 'verify' ? { ...event, isContiguous: false } : event),
    ),
  'K20 a disk that replays to something else': (history) =>
    swapped(
      history,
      (event) => event.f === 'verify',
      (event) => (event.f === 'verify' ? { ...event, diskCanon: 'other' } : event),
    ),
};

/** The last look at the notes, from node b. */
function lookedAround(
  history: readonly HistoryEvent[],
  change: (users: readonly string[]) => string[],
): HistoryEvent[] | null {
  const last = history.findLast(
    (event) => event.f === 'presence' && event.session === 'watch-b-notes',
  );
  return swapped(
    history,
    (event) => event === last,
    (event) => (event.f === 'presence' ? { ...event, users: change(event.users) } : event),
  );
}

/** Everything after the quiet a minute later, but one more look at a copy that is still different. */
function slowHeal(history: readonly HistoryEvent[]): HistoryEvent[] | null {
  const quiet = history.find((event) => event.f === 'mark' && event.name === 'quiet');
  const read = history.find(
    (event) => event.f === 'read' && event.phase === 'settled' && event.source === 'rest',
  );
  if (quiet === undefined || read?.f !== 'read' || read.layers === undefined) return null;
  const late = quiet.mono + 20_000;
  const layers = { ...read.layers, sv: 'older', canon: 'older' };
  const after = history.map((event) =>
    event.f === 'read' && event.phase === 'settled'
      ? { ...event, invokedMono: event.invokedMono + 30_000, mono: event.mono + 30_000 }
      : event,
  );
  return [...after, { ...read, layers, invokedMono: late, mono: late + 1 }].toSorted(
    (a, b) => a.mono - b.mono,
  );
}

/** An edit of this node that shows, made by somebody who had seen something. */
function follower(
  index: HistoryIndex,
  doc: string,
  node: string,
  content: Content | undefined,
): Operation | undefined {
  return index.operationsOf
    .get(doc)
    ?.find(
      (each) =>
        each.node === node &&
        each.deps !== undefined &&
        missingOf({ sv: {} }, each.deps) !== null &&
        each.adds.some((id) => content !== undefined && shows(content, id)),
    );
}

/** Nothing, when this session was never acked. */
function acked(history: readonly HistoryEvent[], session: string): readonly HistoryEvent[] {
  const isAcked = history.some((event) => event.f === 'ack' && event.session === session);
  return isAcked ? history : [];
}

/** The last operation of `s0` that was acked is acked at that moment instead. */
function lateAck(history: readonly HistoryEvent[], mono: number): HistoryEvent[] | null {
  const ok = history.findLast(
    (event) => isOperation(event) && event.type === 'ok' && event.session === 's0',
  );
  return swapped(
    history,
    (event) => event === ok,
    (event) => ({ ...event, mono }),
  );
}
