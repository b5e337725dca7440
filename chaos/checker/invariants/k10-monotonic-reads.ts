/** K10: what a session has seen it does not stop seeing: on one node, and on any when it says what it has seen. */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { Read } from '../history-index.ts';
import { missingOf } from '../version-order.ts';

export const monotonicReads: Invariant = {
  id: 'K10',
  name: 'Reads never go back',
  over: 'pairs',
  lacking: 'no session read twice',
  check(index, findings) {
    const chains = groupedBy(
      index.reads.filter(({ type, version }) => type === 'ok' && version !== undefined),
      chainOf,
    );
    for (const [chain, reads] of chains) {
      if (chain === null) continue;
      for (const [position, read] of reads.entries()) {
        const before = reads.slice(0, position).findLast(({ mono }) => mono < read.invokedMono);
        if (before?.version === undefined || read.version === undefined) continue;
        findings.count('pairs');
        const missing = missingOf(read.version, before.version);
        if (missing === null || isCutDown(index.of('node'), before, read)) continue;
        findings.violation(
          `${read.session} had seen more on ${before.node} ${Math.round(read.invokedMono - before.mono)} ms before (${missing})`,
          { doc: read.doc, node: read.node, mono: read.mono },
        );
      }
    }
  },
};

/** Reads that must grow one upon the other; null for reads of nobody. */
function chainOf({ session, doc, source, node, hasMinVersion }: Read): string | null {
  if (session === undefined) return null;
  // With the session's version any node will do; without, each node is a line of its own; its own copy is one more.
  const line = source === 'client' ? 'copy' : hasMinVersion === true ? 'any' : node;
  return [session, doc, line].join('\0');
}

function isCutDown(
  nodes: readonly { readonly node: string; readonly type: string; readonly mono: number }[],
  before: Read,
  read: Read,
): boolean {
  return nodes.some(
    ({ node, type, mono }) =>
      type === 'disk-lost' && node === before.node && mono >= before.mono && mono <= read.mono,
  );
}
