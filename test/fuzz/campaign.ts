/**
 * The fuzz campaign, in batches that each follow from one number: a crowd of honest editors, several moments in
 * the life of their document, honest updates in and out of order, and mutants of all of them.
 */
import * as Y from 'yjs';
import { check, type Verdict } from '../../server/rooms/updates/check.ts';
import { Version } from '../../server/rooms/updates/version.ts';
import { honestCrowd, load, loadQuietly, serverVersionOf } from '../support/docs.ts';
import type { Id } from '../support/forge.ts';
import { seededRandom, type Random } from '../support/random.ts';
import { mutant } from './mutate.ts';
import { advance, disagreement, examine, type Base } from './oracle.ts';
import { isMisordered } from './shape.ts';

export const CASES_A_BATCH = 2_000;
const MOMENTS = 8;

export interface Failure {
  readonly batch: number;
  readonly complaint: string;
  readonly update: string;
  readonly base: string;
}

export interface BatchResult {
  readonly cases: number;
  /** How often each verdict was given to honest updates and to mutants. */
  readonly honest: Readonly<Record<string, number>>;
  readonly mutants: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export function runBatch(batch: number): BatchResult {
  const random = seededRandom(batch);
  const sent = honestCrowd(batch, 30 + random.below(60), 2 + random.below(4)).map(
    ({ update }) => update,
  );
  const honest: Record<string, number> = {};
  const mutants: Record<string, number> = {};
  const failures: Failure[] = [];
  let cases = 0;

  const examineOne = (update: Uint8Array, base: Base, isHonest: boolean): Verdict => {
    cases++;
    const { verdict, complaint } = examine(update, base, cases);
    const tally = isHonest ? honest : mutants;
    const name = verdict.kind === 'refused' ? `refused: ${verdict.code}` : verdict.kind;
    tally[name] = (tally[name] ?? 0) + 1;
    const wrong = isHonest && verdict.kind === 'refused' ? `honest, but ${name}` : complaint;
    if (wrong !== null) failures.push(failure(batch, wrong, update, base));
    return verdict;
  };

  for (let moment = 0; moment < MOMENTS; moment++) {
    const upTo = Math.floor((sent.length * (moment + random.float())) / MOMENTS);
    let base = baseOf(sent.slice(0, upTo), random);
    if (base === null) {
      failures.push({
        batch,
        complaint: `honest updates in order up to ${upTo} were not taken`,
        update: '',
        base: '',
      });
      continue;
    }
    // The oracle looks away from the order of misordered lists: honest ones must never be.
    if (isMisordered(load([base.state])))
      failures.push(failure(batch, 'honest, but misordered', new Uint8Array(), base));
    // In order it is taken, out of order it may be a gap.
    for (let later = upTo; later < Math.min(sent.length, upTo + 5); later++) {
      const { kind } = examineOne(sent[later] as Uint8Array, base, true);
      if (later === upTo && kind === 'gap') {
        failures.push(
          failure(batch, 'the next honest update is a gap', sent[later] as Uint8Array, base),
        );
      }
    }
    for (const update of offline(sent, upTo, random)) examineOne(update, base, true);

    const ids = idsOf(base.version, random);
    const pool = [...sent.slice(Math.max(0, upTo - 4), upTo + 6), ...offline(sent, upTo, random)];
    for (let left = ((moment + 1) * CASES_A_BATCH) / MOMENTS - cases; left > 0; left--) {
      const update = mutant(random, pool, ids);
      const verdict = examineOne(update, base, false);
      // Now and then the document takes it for good, and what follows meets the result.
      if (verdict.kind === 'new' && random.oneIn(20)) base = advance(update, verdict, base) ?? base;
    }
    const differs = disagreement(base);
    if (differs !== null) failures.push(failure(batch, differs, new Uint8Array(), base));
  }
  return { cases, honest, mutants, failures };
}

/** What the check knows after these updates; sometimes after a compaction, which knows of more deletes. */
function baseOf(updates: readonly Uint8Array[], random: Random): Base | null {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
    else if (verdict.kind !== 'redundant') return null;
  }
  const doc = loadQuietly(updates);
  const state = Y.encodeStateAsUpdate(doc);
  return { state, version: random.oneIn(2) ? version : serverVersionOf(doc), log: updates };
}

/** What clients send when they come back: merged updates, diffs, whole states, and states with pieces missing. */
function offline(sent: readonly Uint8Array[], upTo: number, random: Random): readonly Uint8Array[] {
  const ahead = Math.min(sent.length, upTo + 1 + random.below(8));
  const replica = load(sent.slice(0, ahead));
  const behind = load(sent.slice(0, upTo));
  const patchy = load(sent.slice(0, ahead).filter(() => !random.oneIn(5)));
  return [
    Y.encodeStateAsUpdate(replica),
    Y.encodeStateAsUpdate(replica, Y.encodeStateVector(behind)),
    Y.encodeStateAsUpdate(patchy),
    Y.encodeStateAsUpdate(patchy, Y.encodeStateVector(behind)),
    Y.mergeUpdates(sent.slice(Math.max(0, upTo - 2), ahead)),
  ];
}

/** Ids to point at: known ones of every client, and the first ones that are not. */
function idsOf(version: Version, random: Random): readonly Id[] {
  const ids: Id[] = [[1, 0]];
  for (const [client, clock] of version.stateVector) {
    for (let count = 0; count < 12; count++) ids.push([client, random.below(clock)]);
    ids.push([client, clock - 1], [client, clock]);
  }
  return ids;
}

function failure(batch: number, complaint: string, update: Uint8Array, base: Base): Failure {
  return {
    batch,
    complaint,
    update: Buffer.from(update).toString('hex'),
    base: Buffer.from(base.state).toString('hex'),
  };
}
