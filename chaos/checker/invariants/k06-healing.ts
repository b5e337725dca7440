/** K6: what heals, heals by itself: nobody edits, connects or leaves between the heal and equality. [I2] */
import { agreement, quietTimes } from '../convergence.ts';
import type { Invariant } from '../findings.ts';
import { isOperation, type HistoryIndex } from '../history-index.ts';

export const healing: Invariant = {
  id: 'K6',
  name: 'Heals without help',
  over: 'heals',
  lacking: 'no quiet time was observed from copies on two nodes',
  check(index, findings, { convergeMsMax }) {
    for (const { fromMono, toMono, documents } of quietTimes(index)) {
      const untilMono = Math.min(toMono, fromMono + convergeMsMax);
      const help = helpWithin(index, fromMono, untilMono);
      if (help !== null) {
        findings.skip(`it was not quiet: ${help}`);
        continue;
      }
      let wasApart = false;
      for (const { doc, replicas } of documents) {
        // A copy that has been there all along asks for nothing; one that comes may be what makes a node ask.
        const pinned = replicas.filter(({ last }) => last.source === 'client');
        const isPinned = new Set(pinned.map(({ node }) => node)).size > 1;
        const own = isPinned ? pinned : replicas;
        if (new Set(own.map(({ node }) => node)).size < 2) continue;
        if (!isPinned) {
          findings.note('read by clients that came for it, whose arrival may itself have helped');
        }
        findings.count('heals');
        const { deviating, lastDifferenceMono } = agreement(
          doc,
          own.flatMap(({ reads }) => reads).toSorted((a, b) => a.mono - b.mono),
        );
        if (lastDifferenceMono !== null) {
          wasApart = true;
          findings.count('healedFromDifference', deviating.length === 0 ? 1 : 0);
        }
        const last = lastDifferenceMono ?? fromMono;
        if (deviating.length > 0) {
          findings.violation(
            `${deviating.map(({ name }) => name).join(', ')} did not heal without help`,
            { doc, mono: fromMono },
          );
        } else if (last - fromMono > convergeMsMax) {
          findings.violation(`healed, but not in ${convergeMsMax} ms`, { doc, mono: fromMono });
        }
      }
      const rounds = roundsWithin(index, fromMono, toMono);
      if (rounds === null) findings.note('rounds of anti-entropy were not counted');
      else findings.count('antientropyRounds', rounds);
      if (wasApart && rounds === 0) {
        findings.note('no node asked another: what was under way arrived after the heal');
      }
    }
  },
};

function helpWithin(index: HistoryIndex, fromMono: number, toMono: number): string | null {
  for (const event of index.events) {
    if (event.mono < fromMono || event.mono > toMono) continue;
    const after = `${Math.round(event.mono - fromMono)} ms after the heal`;
    if (isOperation(event) && event.type === 'invoke') return `${event.proc} edited ${after}`;
    if (event.f === 'connect') return `${event.proc} connected ${after}`;
  }
  return null;
}

/** Since the last count before; null when there are not two counts of any node. */
function roundsWithin(index: HistoryIndex, fromMono: number, toMono: number): number | null {
  let rounds: number | null = null;
  const before = new Map<string, number>();
  const after = new Map<string, number>();
  for (const { node, mono, counters } of index.of('resources')) {
    const count = counters?.['antientropyRounds'];
    if (count === undefined) continue;
    // Up to the heal, but the fault's own time counts: what healed may have begun as the link came up.
    if (mono <= fromMono) before.set(node, count);
    else if (mono <= toMono || !after.has(node)) after.set(node, count);
  }
  for (const [node, count] of after) {
    const earlier = before.get(node);
    if (earlier !== undefined) rounds = (rounds ?? 0) + Math.max(0, count - earlier);
  }
  return rounds;
}
