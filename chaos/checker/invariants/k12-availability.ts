/** K12: while only the bus is broken, editing goes on: local acks come, and neighbours on the node see it. [I4] */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { HistoryIndex } from '../history-index.ts';

export const availability: Invariant = {
  id: 'K12',
  name: 'Local editing goes on without the bus',
  over: 'operations',
  lacking: 'nobody with local acks edited while only the bus was broken',
  check(index, findings, { availableMsMax }) {
    const windows = busOnlyWindows(index);
    const hasLocalAcks = new Set(
      [...index.operations.values()]
        .filter(({ acks }) => acks.some(({ level }) => level === 'local'))
        .map(({ session }) => session),
    );
    const closes = groupedBy(index.of('close'), ({ session }) => session);
    const seen = groupedBy(index.of('seen'), ({ doc, node }) => `${doc}\0${node}`);
    for (const operation of index.operations.values()) {
      const { node, doc, session, invokedMono, acks, isRefused } = operation;
      const untilMono = invokedMono + availableMsMax;
      if (node === null || !hasLocalAcks.has(session) || isRefused) continue;
      if (!windows.some(([from, to]) => invokedMono >= from && untilMono <= to)) continue;
      const isCut = closes
        .get(session)
        ?.some(({ mono }) => mono >= invokedMono && mono <= untilMono);
      if (isCut === true) continue;
      findings.count('operations');
      const where = { op: operation.op, doc, node, mono: invokedMono };
      const ack = acks.find(({ level }) => level === 'local');
      if (ack === undefined || ack.mono > untilMono) {
        findings.violation(
          ack === undefined
            ? `${operation.op} on ${node} was never acked`
            : `${operation.op} on ${node} was acked after ${Math.round(ack.mono - invokedMono)} ms`,
          { ...where, level: 'local' },
        );
      }
      const neighbours = seen.get(`${doc}\0${node}`)?.filter((each) => each.session !== session);
      if (operation.adds.length === 0 || (neighbours?.length ?? 0) === 0) continue;
      findings.count('watched');
      const sight = neighbours?.find(({ ids }) => operation.adds.some((id) => ids.includes(id)));
      if (sight === undefined || sight.mono > untilMono) {
        findings.violation(
          sight === undefined
            ? `${operation.op} was never seen by neighbours on ${node}`
            : `${operation.op} was seen by a neighbour on ${node} after ${Math.round(sight.mono - invokedMono)} ms`,
          where,
        );
      }
    }
  },
};

/** Times in which something of the bus was broken and nothing else was. */
function busOnlyWindows(index: HistoryIndex): [number, number][] {
  const others = index.faults.filter(({ scope }) => scope !== 'bus');
  let windows = index.faults
    .filter(({ scope }) => scope === 'bus')
    .map(({ fromMono, toMono }): [number, number] => [fromMono, toMono]);
  for (const { fromMono, toMono } of others) {
    windows = windows.flatMap(([from, to]): [number, number][] =>
      toMono < from || fromMono > to
        ? [[from, to]]
        : [
            [from, fromMono],
            [toMono, to],
          ],
    );
  }
  return windows.filter(([from, to]) => to > from);
}
