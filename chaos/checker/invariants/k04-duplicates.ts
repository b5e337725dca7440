/** K4: each element shows once. What was sent again is the same update, not a second one. */
import type { Invariant } from '../findings.ts';

export const duplicates: Invariant = {
  id: 'K4',
  name: 'No duplicates',
  over: 'reads',
  lacking: 'no contents were read',
  check(index, findings) {
    const reported = new Set<string>();
    for (const { doc, node, content, mono } of index.reads) {
      if (content === undefined) continue;
      findings.count('reads');
      const seen = new Set<string>();
      for (const id of [...content.set, ...content.text]) {
        // Once for each place: a duplicate stays in every read that follows.
        if (seen.has(id) && !reported.has(`${node}\0${id}`)) {
          reported.add(`${node}\0${id}`);
          findings.violation(`${id} shows more than once`, { doc, node, mono });
        }
        seen.add(id);
      }
    }
  },
};
