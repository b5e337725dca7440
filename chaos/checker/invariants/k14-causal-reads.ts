/**
 * K14: what shows an edit shows what its writer had seen. Promised on the node that the writer was synced with when it
 * wrote; elsewhere updates of different writers have no order on their way, and reads that run ahead are only counted.
 */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { HistoryIndex, Operation } from '../history-index.ts';
import { shownIn } from '../expected-elements.ts';
import { missingOf } from '../version-order.ts';

export const causalReads: Invariant = {
  id: 'K14',
  name: 'Edits show after what they followed',
  over: 'edits',
  lacking: 'no read showed its version and an edit that tells what it followed',
  check(index, findings) {
    const synced = groupedBy(
      index.of('connect').filter(({ type }) => type === 'ok'),
      ({ session }) => session,
    );
    const isSynced = ({ session, node, invokedMono }: Operation): boolean =>
      synced.get(session)?.findLast(({ mono }) => mono <= invokedMono)?.node === node;
    for (const { doc, node, content, version, mono, invokedMono } of index.reads) {
      if (content === undefined || version === undefined) continue;
      const shown = shownIn(content);
      for (const operation of index.operationsOf.get(doc) ?? []) {
        const { deps, adds } = operation;
        if (deps === undefined || !adds.some((id) => shown.has(id))) continue;
        findings.count('edits');
        const missing = missingOf(version, deps);
        if (missing === null) continue;
        const isOwn = operation.node === node && isSynced(operation);
        if (isOwn && !isDiskLost(index, node, operation.invokedMono, invokedMono)) {
          findings.violation(
            `${operation.op} shows without what its writer had seen (${missing})`,
            {
              op: operation.op,
              doc,
              node,
              mono,
            },
          );
        } else findings.count('aheadElsewhere');
      }
    }
  },
};

function isDiskLost(index: HistoryIndex, node: string, from: number, to: number): boolean {
  return index
    .of('node')
    .some(
      (each) =>
        each.type === 'disk-lost' && each.node === node && each.mono >= from && each.mono <= to,
    );
}
