/**
 * K5: after the heal all copies become equal in time, layer by layer; and at any time, copies with equal versions have
 * equal states. [I2]
 */
import type { Layers } from '../../history/events.ts';
import { agreement, differingLayers, quietTimes, type QuietDocument } from '../convergence.ts';
import type { Findings, Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';

export const convergence: Invariant = {
  id: 'K5',
  name: 'All copies converge',
  over: 'comparisons',
  lacking: 'no two copies of a document were read after a heal',
  check(index, findings, { convergeMsMax }) {
    for (const { fromMono, documents } of quietTimes(index)) {
      findings.count('quietTimes');
      for (const document of documents) {
        if (document.replicas.length < 2) continue;
        judge(document, findings);
        const { lastDifferenceMono, doc } = document;
        if (lastDifferenceMono === null || document.deviating.length > 0) continue;
        const tookMs = lastDifferenceMono - fromMono;
        if (tookMs > convergeMsMax) {
          findings.violation(
            `still different ${Math.round(tookMs)} ms after the heal (at most ${convergeMsMax} ms)`,
            { doc, mono: fromMono },
          );
        }
      }
    }

    const finals = index.reads.filter(({ phase }) => phase === 'final');
    for (const [doc, reads] of groupedBy(finals, (read) => read.doc)) {
      const document = agreement(doc, reads);
      if (document.replicas.length > 1) judge(document, findings);
    }

    // Strong eventual consistency: the same updates, the same state.
    const states = new Map<string, { readonly layers: Layers; readonly node: string }>();
    for (const { doc, node, layers, mono, hasPending } of index.reads) {
      if (layers === undefined || hasPending === true) continue;
      const version = `${doc}\0${layers.sv}\0${layers.ds}`;
      const known = states.get(version);
      if (known === undefined) states.set(version, { layers, node });
      else if (differingLayers(layers, known.layers).length > 0) {
        findings.violation(
          `${node} and ${known.node} have the same version and differ in ${differingLayers(layers, known.layers).join(', ')}`,
          { doc, node, mono },
        );
      }
    }
  },
};

function judge({ doc, replicas, layers, deviating }: QuietDocument, findings: Findings): void {
  findings.count('comparisons');
  findings.count('copies', replicas.length);
  for (const { name, node, last } of deviating) {
    findings.violation(
      last.type === 'fail' || layers === null
        ? `${name} could not be read (${last.code ?? last.status ?? 'no answer'})`
        : `${name} ended differently from ${replicas.length - deviating.length} of ${replicas.length} copies, in ${differingLayers(last.layers, layers).join(', ')}`,
      { doc, node, mono: last.mono },
    );
  }
}
