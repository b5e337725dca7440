/** K9: every stored document opens, in bounded time, with nothing that waits for what is not there. */
import type { Invariant } from '../findings.ts';

export const loadableState: Invariant = {
  id: 'K9',
  name: 'What is stored can be loaded',
  over: 'opened',
  lacking: 'no document was opened after a start',
  check(index, findings, { openMsMax }) {
    for (const { type, node, doc, durationMs, hasPending, reason, mono } of index.of('open')) {
      findings.count('opened');
      const where = { doc, node, mono };
      if (type === 'fail')
        findings.violation(`did not open: ${reason ?? 'no reason given'}`, where);
      else if (hasPending === true) findings.violation('opened with parts missing', where);
      else if (durationMs > openMsMax) {
        findings.violation(`took ${Math.round(durationMs)} ms to open`, where);
      }
    }
    for (const { doc, node, source, hasPending, mono } of index.reads) {
      if (source === 'client' || hasPending === undefined) continue;
      findings.count('reads');
      if (hasPending) {
        findings.violation(`a state (${source}) that refers to parts that are not in it`, {
          doc,
          node,
          mono,
        });
      }
    }
  },
};
