/** K3: everything that was ever read was written by somebody before, and not refused. [I3] */
import { shownIn } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';

export const phantoms: Invariant = {
  id: 'K3',
  name: 'No phantoms',
  over: 'reads',
  lacking: 'no contents were read',
  check(index, findings) {
    for (const { doc, node, content, mono } of index.reads) {
      if (content === undefined) continue;
      findings.count('reads');
      for (const id of shownIn(content)) {
        findings.count('elements');
        const adds = index.elements.get(id)?.adds ?? [];
        if (!adds.some((add) => add.invokedMono <= mono)) {
          findings.violation(
            id.startsWith('torn:')
              ? `text that is no token: ${id.slice('torn:'.length)}`
              : `${id} was read, and nobody had written it`,
            { doc, node, mono },
          );
        } else if (adds.every(({ isRefused }) => isRefused)) {
          findings.violation(`${id} was refused and shows all the same`, {
            doc,
            node,
            mono,
            op: adds[0]?.op ?? '',
          });
        }
      }
      for (const [key, value] of Object.entries(content.reg)) {
        const isKnown = index.operationsOf
          .get(doc)
          ?.some(
            ({ set, invokedMono }) =>
              set?.key === key && set.value === value && invokedMono <= mono,
          );
        if (isKnown !== true) {
          findings.violation(`${key}=${value} was read, and nobody had set it`, {
            doc,
            node,
            mono,
          });
        }
      }
    }
  },
};
