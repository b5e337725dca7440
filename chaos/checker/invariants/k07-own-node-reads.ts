/** K7: what a node has acked, that node shows to every read that is asked later. */
import { lingeringIn, missingFrom, type Counts } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';

export const ownNodeReads: Invariant = {
  id: 'K7',
  name: 'Acked, then read on the same node',
  over: 'reads',
  lacking: 'no read of a node followed an ack of it',
  check(index, findings) {
    for (const { doc, node, content, source, invokedMono, mono, session, phase } of index.reads) {
      // Copies of clients lag behind their node by design, but for what their own session did.
      if (content === undefined || phase === 'final') continue;
      const counts: Counts = (ack, operation) =>
        ack.node === node &&
        ack.mono < invokedMono &&
        (source !== 'client' || operation.session === session) &&
        !index.isExcused(ack, invokedMono);
      if (index.operationsOf.get(doc)?.some((op) => op.acks.some((ack) => counts(ack, op)))) {
        findings.count('reads');
      }
      for (const { element, operation, ack } of missingFrom(index, doc, content, mono, counts)) {
        findings.violation(
          `${element} was acked by ${node} ${since(ack.mono, invokedMono)} before it was read there (${source}), and was not in it`,
          { op: operation.op, doc, node, level: ack.level, mono },
        );
      }
      for (const { element, operation, ack } of lingeringIn(index, doc, content, mono, counts)) {
        findings.violation(
          `the deletion of ${element} was acked by ${node} ${since(ack.mono, invokedMono)} before a read there (${source}) that shows it`,
          { op: operation.op, doc, node, level: ack.level, mono },
        );
      }
    }
  },
};

function since(fromMono: number, toMono: number): string {
  return `${Math.round(toMono - fromMono)} ms`;
}
