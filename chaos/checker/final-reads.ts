/** The reads that count at the end: after the writers were destroyed, and of the last one of each copy only. */
import type { Content } from '../history/events.ts';
import type { Findings } from './findings.ts';
import { groupedBy } from './grouped.ts';
import type { HistoryIndex, Read } from './history-index.ts';

export type FinalRead = Read & { readonly content: Content };

/** By document. Null, and the reason said, when there is nothing to hold anything against. */
export function finalReads(
  index: HistoryIndex,
  findings: Findings,
): ReadonlyMap<string, readonly FinalRead[]> | null {
  if (index.marks('writers-destroyed').length === 0) {
    findings.skip('the writers were not destroyed before the final reads');
    return null;
  }
  const finals = index.reads.filter(({ phase }) => phase === 'final');
  if (finals.length === 0) {
    findings.skip('no final reads');
    return null;
  }
  if (index.marks('nodes-restarted').length === 0) {
    findings.note('nodes were not restarted before the final reads: what only memory held counts');
  }
  const copies = groupedBy(finals, ({ doc, node, source }) => `${doc}\0${node}\0${source}`);
  const last: FinalRead[] = [];
  for (const reads of copies.values()) {
    const read = reads.at(-1);
    if (read?.type === 'ok' && read.content !== undefined) {
      last.push({ ...read, content: read.content });
    } else if (read !== undefined) {
      findings.violation(
        `no final read of ${read.doc} on ${read.node} (${read.code ?? 'failed'})`,
        {
          doc: read.doc,
          node: read.node,
          mono: read.mono,
        },
      );
    }
  }
  return groupedBy(last, ({ doc }) => doc);
}
