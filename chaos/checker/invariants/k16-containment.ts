/** K16: what happens in one document shows in no other, neither as contents nor as slowness. [I6, I7] */
import { shownIn } from '../expected-elements.ts';
import type { Findings, Invariant } from '../findings.ts';
import type { HistoryIndex } from '../history-index.ts';
import { percentile } from '../percentiles.ts';
import type { Expectations } from '../verdict.ts';

/** p99 of fewer is one bad moment. */
const ACKS_MIN = 100;
/** Differences of a few milliseconds are the machine's. */
const SLACK_MS = 10;

export const containment: Invariant = {
  id: 'K16',
  name: 'Documents do not touch one another',
  over: 'reads',
  lacking: 'fewer than two documents were read',
  check(index, findings, expectations) {
    const docs = new Set(index.reads.filter(({ content }) => content).map(({ doc }) => doc));
    for (const { doc, node, content, mono } of index.reads) {
      if (content === undefined || docs.size < 2) continue;
      findings.count('reads');
      for (const id of shownIn(content)) {
        const home = index.elements.get(id)?.adds[0]?.doc;
        if (home !== undefined && home !== doc) {
          findings.violation(`${id} of ${home} shows in ${doc}`, { doc, node, mono });
        }
      }
    }
    compareLatency(index, findings, expectations);
  },
};

function compareLatency(
  index: HistoryIndex,
  findings: Findings,
  { neighbours, neighbourSlowdownMax }: Expectations,
): void {
  const split = index.marks('baseline-end')[0];
  if (neighbours.length === 0 || split === undefined) {
    findings.note('latency was not compared: no documents were named as neighbours');
    return;
  }
  for (const doc of neighbours) {
    const before: number[] = [];
    const after: number[] = [];
    for (const { invokedMono, acks } of index.operationsOf.get(doc) ?? []) {
      const ack = acks[0];
      if (ack !== undefined) (invokedMono < split ? before : after).push(ack.mono - invokedMono);
    }
    if (before.length < ACKS_MIN || after.length < ACKS_MIN) {
      findings.note(`latency of ${doc} was not compared: fewer than ${ACKS_MIN} acks on a side`);
      continue;
    }
    findings.count('latenciesCompared');
    const [was, is] = [percentile(before, 99), percentile(after, 99)];
    if (is > was * neighbourSlowdownMax && is > was + SLACK_MS) {
      findings.violation(
        `p99 of the ack in ${doc} rose from ${was.toFixed(1)} to ${is.toFixed(1)} ms`,
        { doc, mono: split },
      );
    }
  }
}
