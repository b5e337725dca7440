/**
 * K14: what shows an edit shows what its writer had seen. Promised on the node that the writer was synced with when it
 * wrote; elsewhere updates of different writers have no order on their way, and reads that run ahead are only counted.
 */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { Version } from '../../history/events.ts';
import type { HistoryIndex, Operation, Read } from '../history-index.ts';
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
    const copies = new Map<string, Followed>();
    for (const read of index.reads) {
      const { doc, node, content, version, mono, invokedMono } = read;
      if (content === undefined || version === undefined) continue;
      const shown = shownIn(content);
      const satisfied = satisfiedBefore(copies, read, version);
      for (const operation of index.operationsOf.get(doc) ?? []) {
        const { deps, adds } = operation;
        if (deps === undefined || !adds.some((id) => shown.has(id))) continue;
        findings.count('edits');
        if (satisfied.has(operation)) continue;
        const missing = missingOf(version, deps);
        const isOwn = operation.node === node && isSynced(operation);
        if (missing === null) satisfied.add(operation);
        else if (isOwn && !isDiskLost(index, node, operation.invokedMono, invokedMono)) {
          findings.violation(
            `${operation.op} shows without what its writer had seen (${missing})`,
            { op: operation.op, doc, node, mono },
          );
        } else findings.count('aheadElsewhere');
      }
    }
  },
};

/** What a copy had, and the edits that were found to follow what it had. */
interface Followed {
  readonly version: Version;
  readonly satisfied: Set<Operation>;
}

/** A copy that has only grown need not be asked again: most reads of a run are of such, and comparing versions is dear. */
function satisfiedBefore(
  copies: Map<string, Followed>,
  { doc, node, source, session }: Read,
  version: Version,
): Set<Operation> {
  const key = [doc, node, source, session].join('\0');
  const known = copies.get(key);
  const hasGrown = known !== undefined && missingOf(version, known.version) === null;
  const satisfied = hasGrown ? known.satisfied : new Set<Operation>();
  copies.set(key, { version, satisfied });
  return satisfied;
}

function isDiskLost(index: HistoryIndex, node: string, from: number, to: number): boolean {
  return index
    .of('node')
    .some(
      (each) =>
        each.type === 'disk-lost' && each.node === node && each.mono >= from && each.mono <= to,
    );
}
