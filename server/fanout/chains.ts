/**
 * Up to which number the updates of each document have come from each node, by the chain that updates form
 * (`previousSeq`). A break says that a message of this very document did not come, which numbers of a channel cannot.
 * Bounded: what was heard of least recently is forgotten, and then counts as known. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Epoch } from './envelope.ts';

const DOCUMENTS_MAX = 20_000;
const NODES_MAX = 1_024;

interface Chain {
  readonly epoch: Epoch;
  readonly seqs: Map<DocumentName, number>;
}

export class Chains {
  readonly #chains = new Map<string, Chain>();

  /** Whether something between this update and the last one has not come. */
  note(
    node: string,
    epoch: Epoch,
    document: DocumentName,
    { previousSeq, seq }: { readonly previousSeq: number; readonly seq: number },
  ): boolean {
    let chain = this.#chains.get(node);
    if (chain?.epoch !== epoch) {
      chain = { epoch, seqs: new Map() };
      this.#chains.delete(node);
      this.#chains.set(node, chain);
      if (this.#chains.size > NODES_MAX) forgetFirst(this.#chains);
    }
    const { seqs } = chain;
    const known = seqs.get(document);
    if (known !== undefined && seq <= known) return false;
    seqs.delete(document);
    seqs.set(document, seq);
    if (seqs.size > DOCUMENTS_MAX) forgetFirst(seqs);
    // The first that is heard: what was before is found by digest.
    return known !== undefined && previousSeq > known;
  }

  /** An answer has brought everything up to there. */
  covered(node: string, epoch: Epoch, document: DocumentName, seq: number): void {
    const chain = this.#chains.get(node);
    if (chain?.epoch === epoch && (chain.seqs.get(document) ?? 0) < seq) {
      chain.seqs.set(document, seq);
    }
  }

  /** 0: nothing has come. */
  seqOf(node: string, document: DocumentName): number {
    return this.#chains.get(node)?.seqs.get(document) ?? 0;
  }
}

function forgetFirst(map: Map<unknown, unknown>): void {
  map.delete(map.keys().next().value);
}
