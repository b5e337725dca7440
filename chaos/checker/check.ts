/**
 * The checker: a pure function over a history. One verdict an invariant, K1 to K20, and K0 first: is the history itself
 * sound? An invariant that finds nothing to look at is skipped, never passed.
 */
import type { History } from '../history/events.ts';
import { Findings, type Invariant } from './findings.ts';
import { HistoryIndex } from './history-index.ts';
import { soundHistory } from './invariants/k00-sound-history.ts';
import { ackedUpdates } from './invariants/k01-acked-updates.ts';
import { ackedDeletes } from './invariants/k02-acked-deletes.ts';
import { phantoms } from './invariants/k03-phantoms.ts';
import { duplicates } from './invariants/k04-duplicates.ts';
import { convergence } from './invariants/k05-convergence.ts';
import { healing } from './invariants/k06-healing.ts';
import { ownNodeReads } from './invariants/k07-own-node-reads.ts';
import { anyNodeReads } from './invariants/k08-any-node-reads.ts';
import { loadableState } from './invariants/k09-loadable-state.ts';
import { monotonicReads } from './invariants/k10-monotonic-reads.ts';
import { honestAcks } from './invariants/k11-honest-acks.ts';
import { availability } from './invariants/k12-availability.ts';
import { monotonicWrites } from './invariants/k13-monotonic-writes.ts';
import { causalReads } from './invariants/k14-causal-reads.ts';
import { ackOrder } from './invariants/k15-ack-order.ts';
import { containment } from './invariants/k16-containment.ts';
import { boundedResources } from './invariants/k17-bounded-resources.ts';
import { authorisation } from './invariants/k18-authorisation.ts';
import { presence } from './invariants/k19-presence.ts';
import { storeIntegrity } from './invariants/k20-store-integrity.ts';
import { DEFAULT_EXPECTATIONS, type Expectations, type Verdict } from './verdict.ts';

const INVARIANTS: readonly Invariant[] = [
  soundHistory,
  ackedUpdates,
  ackedDeletes,
  phantoms,
  duplicates,
  convergence,
  healing,
  ownNodeReads,
  anyNodeReads,
  loadableState,
  monotonicReads,
  honestAcks,
  availability,
  monotonicWrites,
  causalReads,
  ackOrder,
  containment,
  boundedResources,
  authorisation,
  presence,
  storeIntegrity,
];

export function check(history: History, expectations: Partial<Expectations> = {}): Verdict[] {
  const index = new HistoryIndex(history);
  const all = { ...DEFAULT_EXPECTATIONS, ...expectations };
  return INVARIANTS.map((invariant) => {
    const findings = new Findings(index);
    invariant.check(index, findings, all);
    return findings.verdict(invariant);
  });
}
