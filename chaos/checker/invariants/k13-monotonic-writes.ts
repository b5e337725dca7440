/** K13: of one writer's additions every read shows the first so many, in the order in which they were made, deletions aside. */
import { mayBeDeleted, shownIn } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';

export const monotonicWrites: Invariant = {
  id: 'K13',
  name: "A writer's edits show in order",
  over: 'reads',
  lacking: 'no contents were read',
  check(index, findings) {
    // A writer is a Yjs client id: who begins again with a new copy has no order with what was before.
    const writers = groupedBy(index.operations.values(), ({ doc, client }) => `${doc}\0${client}`);
    const byDoc = groupedBy(writers.values(), ([first]) => first?.doc ?? '');
    for (const { doc, node, content, mono } of index.reads) {
      if (content === undefined) continue;
      findings.count('reads');
      const shown = shownIn(content);
      for (const operations of byDoc.get(doc) ?? []) {
        let hidden: string | null = null;
        for (const operation of operations) {
          if (operation.isRefused || operation.invokedMono > mono) continue;
          for (const id of operation.adds) {
            const element = index.elements.get(id);
            if (element === undefined || element.adds.length > 1) continue;
            if (!shown.has(id)) {
              if (!mayBeDeleted(element, operation, mono)) hidden ??= id;
            } else if (hidden !== null) {
              findings.violation(
                `${id} shows and ${hidden}, which its writer made before, does not`,
                {
                  op: operation.op,
                  doc,
                  node,
                  mono,
                },
              );
              hidden = null;
            }
          }
        }
      }
    }
  },
};
