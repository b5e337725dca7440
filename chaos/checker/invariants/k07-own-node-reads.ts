/** K7: what a node has acked, that node shows to every read that is asked later. */
import type { Counts } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { Operation } from '../history-index.ts';
import { judgeRead } from '../judged-read.ts';

export const ownNodeReads: Invariant = {
  id: 'K7',
  name: 'Acked, then read on the same node',
  over: 'reads',
  lacking: 'no read of a node followed an ack of it',
  check(index, findings) {
    const acked = [...index.operations.values()].filter(({ acks }) => acks.length > 0);
    const bySession = groupedBy(acked, ({ doc, session }) => `${doc}\0${session}`);
    const byNode = new Map<string, Operation[]>();
    for (const operation of acked) {
      for (const node of new Set(operation.acks.map((ack) => ack.node))) {
        const key = `${operation.doc}\0${node}`;
        const known = byNode.get(key);
        if (known === undefined) byNode.set(key, [operation]);
        else known.push(operation);
      }
    }
    for (const read of index.reads) {
      const { doc, node, content, source, invokedMono, session, phase } = read;
      // Copies of clients lag behind their node by design, but for what their own session did.
      if (content === undefined || phase === 'final') continue;
      const operations =
        (source === 'client'
          ? bySession.get(`${doc}\0${session}`)
          : byNode.get(`${doc}\0${node}`)) ?? [];
      const counts: Counts = (ack) =>
        ack.node === node && ack.mono < invokedMono && !index.isExcused(ack, invokedMono);
      if (operations.some((op) => op.acks.some((ack) => counts(ack, op)))) findings.count('reads');
      judgeRead(index, findings, {
        read,
        content,
        operations,
        counts,
        tellMissing: ({ element, ack }) =>
          `${element} was acked by ${node} ${since(ack.mono, invokedMono)} before it was read there (${source}), and was not in it`,
        tellLingering: ({ element, ack }) =>
          `the deletion of ${element} was acked by ${node} ${since(ack.mono, invokedMono)} before a read there (${source}) that shows it`,
      });
    }
  },
};

function since(fromMono: number, toMono: number): string {
  return `${Math.round(toMono - fromMono)} ms`;
}
