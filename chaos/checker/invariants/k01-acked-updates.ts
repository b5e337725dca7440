/** K1: what was acked is in every final state, unless somebody deleted it. [I1] */
import type { Content } from '../../history/events.ts';
import { missingFrom, staleIn, type Counts, type Missing } from '../expected-elements.ts';
import type { Findings, Invariant } from '../findings.ts';
import { finalReads } from '../final-reads.ts';

export const ackedUpdates: Invariant = {
  id: 'K1',
  name: 'No acked update is lost',
  over: 'acks',
  lacking: 'nothing was acked and then read at the end',
  check(index, findings, { isFullyReplicated }) {
    const finals = finalReads(index, findings);
    if (finals === null) return;
    const excused = new Set<string>();
    const losses = new Set<string>();
    for (const [doc, operations] of index.operationsOf) {
      const acked = operations.filter(
        ({ acks, adds, set }) => acks.length > 0 && (adds.length > 0 || set !== undefined),
      );
      if (acked.length === 0) continue;
      const reads = finals.get(doc) ?? [];
      if (reads.length === 0) {
        for (const { op } of acked) losses.add(op);
        findings.violation(`${acked.length} acks, and no node could say what is left`, { doc });
        continue;
      }
      findings.count('acks', acked.length);
      for (const read of reads) {
        findings.count('finalReads');
        const counts: Counts = (ack) => isFullyReplicated || ack.node === read.node;
        const lost = (content: Content): Missing[] => [
          ...missingFrom(index, acked, content, Infinity, counts),
          ...staleIn(operations, content, counts),
        ];
        for (const { element, operation, ack } of lost(read.content)) {
          if (operation.acks.every((each) => index.isExcused(each))) {
            excused.add(operation.op);
            continue;
          }
          losses.add(operation.op);
          report(findings, element, operation.op, read.node, doc, ack);
        }
      }
    }
    if (losses.size > 0) findings.count('lost', losses.size);
    if (excused.size > 0) {
      findings.count('lostWithTheirDisk', excused.size);
      findings.note(
        `${excused.size} acked operations went with the only disk that had promised them: ${[...excused].slice(0, 20).join(', ')}`,
      );
    }
  },
};

function report(
  findings: Findings,
  element: string,
  op: string,
  node: string,
  doc: string,
  ack: Missing['ack'],
): void {
  findings.violation(
    `${element} was acked by ${ack.node} (${ack.level}) and is missing on ${node}`,
    {
      op,
      doc,
      node,
      level: ack.level,
      mono: ack.mono,
    },
  );
}
