/**
 * K4: each element shows once. What was sent again is the same update, not a second one. An element whose deletion was
 * undone is another item with the same id: where the deletion has not arrived yet, both show, until all has.
 */
import type { Invariant } from '../findings.ts';

export const duplicates: Invariant = {
  id: 'K4',
  name: 'No duplicates',
  over: 'reads',
  lacking: 'no contents were read',
  check(index, findings) {
    const reported = new Set<string>();
    for (const { doc, node, content, mono, phase } of index.reads) {
      if (content === undefined) continue;
      findings.count('reads');
      const seen = new Map<string, number>();
      for (const id of [...content.set, ...content.text]) {
        const count = (seen.get(id) ?? 0) + 1;
        const most = phase === 'final' ? 1 : Math.max(1, index.elements.get(id)?.adds.length ?? 1);
        // Once for each place: a duplicate stays in every read that follows.
        if (count > most && !reported.has(`${node}\0${id}`)) {
          reported.add(`${node}\0${id}`);
          findings.violation(`${id} shows more than once`, { doc, node, mono });
        }
        seen.set(id, count);
      }
    }
  },
};
