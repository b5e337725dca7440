/** More lies, one for each way in which an invariant can be broken that planted-anomalies.ts does not tell. */
import type { HistoryEvent } from '../../chaos/history/events.ts';
import {
  HistoryIndex,
  isOperation,
  type Operation,
  type Read,
} from '../../chaos/checker/history-index.ts';
import { misread, swapped, withAlso } from './history-edits.ts';

type Plant = (history: readonly HistoryEvent[]) => HistoryEvent[] | null;

/** An element whose deletion was acked to this reader before it asked. */
function goneBefore(
  index: HistoryIndex,
  read: Read,
  counts: (operation: Operation) => boolean,
): string | undefined {
  return index.operationsOf
    .get(read.doc)
    ?.find(
      (operation) =>
        operation.dels.length > 0 &&
        operation.acks.some(({ mono }) => mono < read.invokedMono) &&
        counts(operation),
    )?.dels[0];
}

const shownAgain =
  (isRead: (read: Read) => boolean, counts: (operation: Operation, read: Read) => boolean): Plant =>
  (history) =>
    misread(history, (read, index) => {
      const gone = isRead(read)
        ? goneBefore(index, read, (operation) => counts(operation, read))
        : undefined;
      return gone === undefined ? null : withAlso(read.content, gone);
    });

export const FINER_PLANTS: Readonly<Record<string, Plant>> = {
  'K0 one operation, invoked twice': (history) => {
    const first = history.find((event) => isOperation(event) && event.type === 'invoke');
    return first === undefined ? null : [...history, first];
  },
  'K0 one element, made in two documents': (history) => {
    const index = new HistoryIndex(history);
    const first = [...index.operations.values()].find(({ adds }) => adds.length > 0);
    const other = [...index.operations.values()].find(
      ({ adds, doc }) => adds.length > 0 && doc !== first?.doc,
    );
    return swapped(
      history,
      (event) => isOperation(event) && event.type === 'invoke' && event.op === other?.op,
      (event) =>
        isOperation(event) && event.type === 'invoke'
          ? { ...event, adds: first?.adds ?? [] }
          : event,
    );
  },
  'K0 a final read before the writers were gone': (history) => {
    const final = history.find((event) => event.f === 'read' && event.phase === 'final');
    return swapped(
      history,
      (event) => event === final,
      (event) => (event.f === 'read' ? { ...event, invokedMono: 0 } : event),
    );
  },
  'K1 a document that nobody has at the end': (history) =>
    new HistoryIndex(history).operationsOf
      .get('plans')
      ?.some(({ acks, adds }) => acks.length > 0 && adds.length > 0) === true
      ? history.filter(
          (event) => event.f !== 'read' || event.phase !== 'final' || event.doc !== 'plans',
        )
      : null,
  'K6 healing that is only seen after the time that it may take': (history) => {
    const quiet = history.find((event) => event.f === 'mark' && event.name === 'quiet');
    const settled = history.find((event) => event.f === 'mark' && event.name === 'settled');
    const index = new HistoryIndex(history);
    const last = index.reads.findLast(
      ({ phase, source, node }) => phase === 'settled' && source === 'client' && node === 'b',
    );
    if (quiet === undefined || settled === undefined || last?.layers === undefined) return null;
    const layers = { ...last.layers, sv: 'older', canon: 'older' };
    return [
      ...history,
      { ...last, layers, ...askedAt(quiet.mono + 9_000) },
      { ...last, ...askedAt(quiet.mono + 10_000) },
    ].toSorted((a, b) => a.mono - b.mono);
  },
  'K7 a read that shows what was deleted before': shownAgain(
    ({ source, phase }) => source === 'rest' && phase !== 'final',
    ({ acks }, { node, invokedMono }) =>
      acks.some((ack) => ack.node === node && ack.mono < invokedMono),
  ),
  'K8 a stale answer that brings back what was deleted': shownAgain(
    ({ hasMinVersion }) => hasMinVersion === true,
    ({ session }, read) => session === read.session,
  ),
  'K9 a document that opens with parts missing': (history) =>
    swapped(
      history,
      (event) => event.f === 'open',
      (event) => (event.f === 'open' ? { ...event, hasPending: true } : event),
    ),
  'K9 a document that takes long to open': (history) =>
    swapped(
      history,
      (event) => event.f === 'open',
      (event) => (event.f === 'open' ? { ...event, durationMs: 5_001 } : event),
    ),
  'K11 a deletion that the disk knows nothing of': shownAgain(
    ({ source, phase }) => source === 'disk' && phase === 'running',
    ({ acks }, { node }) => acks.some((ack) => ack.node === node),
  ),
  'K12 a neighbour on the same node who sees nothing': (history) => {
    const cut = cutOffAddition(history);
    const id = cut?.adds[0];
    if (id === undefined) return null;
    const blind = history.filter((event) => event.f !== 'seen' || !event.ids.includes(id));
    // Who never sees anything does not watch.
    const isWatched = blind.some(
      (event) => event.f === 'seen' && event.doc === cut?.doc && event.node === cut.node,
    );
    return isWatched ? blind : null;
  },
  'K12 an ack that never comes': (history) => {
    const cut = cutOffAddition(history);
    const op = cut?.op;
    // Of a session that was never acked nobody knows what its acks promise.
    const others = history.filter(
      (event) => isOperation(event) && event.type === 'ok' && event.session === cut?.session,
    );
    if (others.length < 2) return null;
    return swapped(
      history,
      (event) => isOperation(event) && event.type === 'ok' && event.op === op,
      () => null,
    );
  },
  'K15 an ack twice where each is said once': (history) => {
    const acks = new HistoryIndex(history).of('ack');
    const second = acks.find(({ ackSeq }) => ackSeq === 2);
    if (second === undefined) return null;
    return history.map((event) => {
      if (event === second) return { ...second, ackSeq: 1 };
      const isIts = event.f === 'connect' && event.connection === second.connection;
      return isIts ? { ...event, ackOnce: true } : event;
    });
  },
  'K15 the last ack, after the end': (history) => {
    const close = history.find(
      (event) =>
        event.f === 'close' &&
        history.some((each) => each.f === 'ack' && each.connection === event.connection),
    );
    const last = history.findLast(
      (event) => event.f === 'ack' && close?.f === 'close' && event.connection === close.connection,
    );
    if (close === undefined || last === undefined) return null;
    return [...history, { ...last, mono: close.mono + 1 }].toSorted((a, b) => a.mono - b.mono);
  },
  'K19 somebody who was never there': (history) =>
    swapped(
      history,
      (event) => event.f === 'presence',
      (event) => (event.f === 'presence' ? { ...event, users: [...event.users, 'nobody'] } : event),
    ),
  'K20 a wrong checksum': (history) =>
    swapped(
      history,
      (event) => event.f === 'verify',
      (event) => (event.f === 'verify' ? { ...event, hasGoodChecksums: false } : event),
    ),
};

/** Acked locally while only the bus was broken. */
function cutOffAddition(history: readonly HistoryEvent[]): Operation | undefined {
  const index = new HistoryIndex(history);
  const cut = index.faults.find(({ scope }) => scope === 'bus');
  return [...index.operations.values()].find(
    ({ invokedMono, acks, node, adds }) =>
      node === 'b' &&
      adds.length > 0 &&
      invokedMono > (cut?.fromMono ?? Infinity) &&
      acks[0]?.level === 'local',
  );
}

function askedAt(mono: number): { readonly invokedMono: number; readonly mono: number } {
  return { invokedMono: mono, mono: mono + 1 };
}
