/** K11: at the moment of an ack its promise is true: after a crash the node's own disk has it. [I1] */
import { lingeringIn, missingFrom, staleIn, type Counts } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';

export const honestAcks: Invariant = {
  id: 'K11',
  name: 'Acks are honest',
  over: 'acks',
  lacking: 'no node was read by itself after a crash',
  check(index, findings) {
    const losses = new Set<string>();
    const isolated = index.reads.filter(
      ({ type, isolated: alone, source }) => type === 'ok' && (alone === true || source === 'disk'),
    );
    for (const [node, events] of groupedBy(index.of('node'), (event) => event.node)) {
      const crashes = events.filter(({ type }) => type === 'crashed').map(({ mono }) => mono);
      for (const [position, crash] of crashes.entries()) {
        findings.count('crashes');
        const next = crashes[position + 1] ?? Infinity;
        const reads = isolated.filter(
          (read) => read.node === node && read.invokedMono > crash && read.invokedMono < next,
        );
        // The first of each document: later ones may have had company.
        for (const [doc, [read]] of groupedBy(reads, (each) => each.doc)) {
          if (read?.content === undefined) continue;
          const { content, mono } = read;
          // Acks that arrive after the kill left before it.
          const counts: Counts = (ack) =>
            ack.node === node && ack.mono < read.invokedMono && !index.isExcused(ack, mono);
          const operations = index.operationsOf.get(doc) ?? [];
          findings.count(
            'acks',
            operations.filter((op) => op.acks.some((ack) => counts(ack, op))).length,
          );
          for (const { element, operation, ack } of [
            ...missingFrom(index, operations, content, mono, counts),
            ...staleIn(operations, content, counts),
          ]) {
            losses.add(operation.op);
            findings.violation(
              `${element}: acked ${around(crash - ack.mono)} the crash, and not on the disk of ${node}`,
              { op: operation.op, doc, node, level: ack.level, mono: ack.mono },
            );
          }
          for (const { element, operation, ack } of lingeringIn(
            index,
            operations,
            content,
            mono,
            counts,
          )) {
            losses.add(operation.op);
            findings.violation(
              `deletion of ${element}: acked ${around(crash - ack.mono)} the crash, and not on the disk of ${node}`,
              { op: operation.op, doc, node, level: ack.level, mono: ack.mono },
            );
          }
        }
      }
    }
    if (losses.size > 0) findings.count('lost', losses.size);
  },
};

function around(ms: number): string {
  return `${Math.abs(Math.round(ms))} ms ${ms < 0 ? 'after' : 'before'}`;
}
