/** How far the nodes are apart, as their readers see it, without asking the nodes. */
import type { Look } from '../editors/orders.ts';

export interface NodeDivergence {
  readonly docs: number;
  readonly elements: number;
}

/** By node: documents in which its reader shows something else than most, and how many elements more or less. */
export function divergenceOf(looks: readonly Look[]): ReadonlyMap<string, NodeDivergence> {
  const readers = looks.filter(({ isReader }) => isReader);
  const result = new Map<string, NodeDivergence>();
  for (const doc of new Set(readers.map((look) => look.doc))) {
    const copies = readers.filter((look) => look.doc === doc);
    const usual = mostCommon(copies);
    for (const { node, digest, elements } of copies) {
      const { docs, elements: sum } = result.get(node) ?? { docs: 0, elements: 0 };
      const differs = digest !== usual.digest;
      result.set(node, {
        docs: docs + (differs ? 1 : 0),
        elements: sum + (differs ? Math.max(1, Math.abs(elements - usual.elements)) : 0),
      });
    }
  }
  return result;
}

/** Whether every copy of every document is the same, and nobody waits for an ack or for the document. */
export function isSettled(looks: readonly Look[]): boolean {
  const digests = new Map<string, string>();
  return looks.every(({ doc, digest, isSynced, unacked }) => {
    const first = digests.get(doc) ?? digest;
    digests.set(doc, first);
    return isSynced && unacked === 0 && first === digest;
  });
}

/** Of copies that are equally common the one with most elements. */
function mostCommon(copies: readonly Look[]): Look {
  const count = (look: Look): number =>
    copies.filter(({ digest }) => digest === look.digest).length;
  return copies.reduce((best, look) =>
    count(look) > count(best) || (count(look) === count(best) && look.elements > best.elements)
      ? look
      : best,
  );
}
