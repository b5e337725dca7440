/** K2: what was deleted, and the deletion acked, stays deleted, unless somebody brought it back. [I1] */
import { lingeringIn } from '../expected-elements.ts';
import { finalReads } from '../final-reads.ts';
import type { Invariant } from '../findings.ts';

export const ackedDeletes: Invariant = {
  id: 'K2',
  name: 'No acked deletion is lost',
  over: 'deletions',
  lacking: 'no deletion was acked and its document then read at the end',
  check(index, findings, { isFullyReplicated }) {
    const finals = finalReads(index, findings);
    if (finals === null) return;
    const losses = new Set<string>();
    for (const [doc, reads] of finals) {
      const acked = (index.operationsOf.get(doc) ?? []).filter(
        ({ acks, dels }) => acks.length > 0 && dels.length > 0,
      );
      findings.count('deletions', acked.length);
      for (const { node, content } of reads) {
        findings.count('finalReads');
        for (const { element, operation, ack } of lingeringIn(
          index,
          acked,
          content,
          Infinity,
          (each) => isFullyReplicated || each.node === node,
        )) {
          if (operation.acks.every((each) => index.isExcused(each))) {
            findings.count('lostWithTheirDisk');
            continue;
          }
          losses.add(operation.op);
          findings.violation(
            `the deletion of ${element} was acked by ${ack.node} (${ack.level}); ${node} shows it`,
            { op: operation.op, doc, node, level: ack.level, mono: ack.mono },
          );
        }
      }
    }
    if (losses.size > 0) findings.count('lost', losses.size);
  },
};
