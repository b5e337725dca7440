/**
 * What becomes of an update that is offered to a room: checked against its version, held to the limits, and tried
 * in a worker first when it looks expensive. Large ones are looked at in a worker altogether; what the room knows
 * may change meanwhile, so the last word is always spoken in the same turn in which the update is taken.
 */
import type { ErrorCode } from '../protocol/errors.ts';
import { INLINE_SCAN_BYTES_MAX, UPDATE_LIMITS } from '../protocol/limits.ts';
import type { Author } from './author.ts';
import type { RoomContext } from './context.ts';
import type { EditTrace } from './tracing.ts';
import { judge, newPart, type Verdict } from './updates/check.ts';
import { REFUSALS, type RefusalCode } from './updates/refusal.ts';
import { scan, type Trust, type UpdateSummary } from './updates/scan.ts';
import type { Version } from './updates/version.ts';
import type { StoredParts } from './workers/compaction.ts';

/** What became of an offered update. */
export type Offer =
  /** `isPart`: what was not known yet was accepted; the rest was redundant. */
  | { readonly kind: 'accepted' | 'redundant' | 'gap'; readonly isPart?: true }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: RefusalReason };

export type RefusalReason =
  RefusalCode | 'document-size' | 'cost' | 'read-only' | 'exists' | 'client-owner';

export type NewVerdict = Verdict & { readonly kind: 'new' };

export const ACCEPTED: Offer = { kind: 'accepted' };
const ACCEPTED_PART: Offer = { kind: 'accepted', isPart: true };
const REDUNDANT: Offer = { kind: 'redundant' };
const GAP: Offer = { kind: 'gap' };
const READ_ONLY: Offer = { kind: 'refused', code: 'read-only', reason: 'read-only' };
export const FOREIGN: Offer = {
  kind: 'refused',
  code: 'foreign-client-id',
  reason: 'client-owner',
};
export const EXISTS: Offer = { kind: 'refused', code: 'document-exists', reason: 'exists' };

/** A worker gets this much longer for each MiB of document that it has to load before a trial. */
const LOAD_MS_PER_MIB = 400;
/** How much longer an update that ran into its deadline gets, once. */
const SECOND_TRIAL_FACTOR = 4;

/** The room, as far as this is concerned. */
export interface Admitting {
  readonly context: RoomContext;
  readonly version: Version;
  /** Of base and tail. */
  readonly bytes: number;
  /** Everything is tried in a worker first. */
  readonly isGuarded: boolean;
  /** All that has been accepted. */
  parts(): Promise<StoredParts>;
  /** Takes a new update, or says why not. */
  accept(update: Uint8Array, verdict: NewVerdict, author: Author, trace: EditTrace | null): Offer;
  /** A room that was closed while a worker looked at an update must not store it: another may be open by now. */
  assertOpen(): void;
}

export class Admission {
  readonly #room: Admitting;

  constructor(room: Admitting) {
    this.#room = room;
  }

  /** `trace`: of an edit that is followed; told when it is accepted. */
  offer(
    update: Uint8Array,
    author: Author,
    trace: EditTrace | null = null,
  ): Offer | Promise<Offer> {
    if (update.byteLength > INLINE_SCAN_BYTES_MAX) return this.#offerLarge(update, author, trace);
    const verdict = judge(scan(update, trustOf(author)), this.#room.version);
    return this.#judge(update, verdict, author, trace);
  }

  /** Takes what of an update with gaps can be integrated now; null: nothing of it. */
  async offerIntegrablePart(update: Uint8Array, author: Author): Promise<Offer | null> {
    const { context, version } = this.#room;
    const part = await context.workers.integrablePart(update, version.encode());
    return part === null || author.isClosed ? null : await this.offer(part, author);
  }

  async #offerLarge(update: Uint8Array, author: Author, trace: EditTrace | null): Promise<Offer> {
    const room = this.#room;
    const { workers } = room.context;
    const trust = trustOf(author);
    const scanned = await workers.scan(update, trust);
    room.assertOpen();
    const verdict = judge(scanned, room.version);
    if (verdict.kind !== 'new' || !verdict.overlaps) {
      return await this.#judge(update, verdict, author, trace);
    }
    // What is known already is left out, in the worker too: trimming 15 MB here would take half a second.
    const part = (await workers.integrablePart(update, room.version.encode())) ?? update;
    const rescanned = await workers.scan(part, trust);
    room.assertOpen();
    const offer = await this.#judge(part, judge(rescanned, room.version), author, trace);
    return tellPart(offer, part === update);
  }

  #judge(
    update: Uint8Array,
    judged: Verdict,
    author: Author,
    trace: EditTrace | null,
  ): Offer | Promise<Offer> {
    const room = this.#room;
    const { stats, limits } = room.context;
    const { part, verdict } = newPart(update, judged, room.version);
    switch (verdict.kind) {
      case 'redundant':
        stats.redundant += 1;
        return REDUNDANT;
      case 'gap':
        if (!author.canWrite) return READ_ONLY;
        stats.gap += 1;
        return GAP;
      case 'refused':
        stats.refused += 1;
        return { kind: 'refused', code: REFUSALS[verdict.code], reason: verdict.code };
      case 'new':
        if (!author.canWrite) return READ_ONLY;
        if (
          room.bytes + part.byteLength > bytesMax(limits.documentBytesMax, author) &&
          verdict.summary.sections.length > 0
        ) {
          stats.refused += 1;
          return { kind: 'refused', code: 'document-too-large', reason: 'document-size' };
        }
        if (room.isGuarded || verdict.conflicts > UPDATE_LIMITS.conflictsMax) {
          const trial = this.#tryInWorker(part, verdict.summary, author, trace);
          return trial.then((offer) => tellPart(offer, part === update));
        }
        return tellPart(room.accept(part, verdict, author, trace), part === update);
    }
  }

  /** The referee looks at what seems expensive before anybody gets it. */
  async #tryInWorker(
    update: Uint8Array,
    summary: UpdateSummary,
    author: Author,
    trace: EditTrace | null,
  ): Promise<Offer> {
    const room = this.#room;
    const { stats, limits, workers } = room.context;
    stats.trials += 1;
    const loadMs = (room.bytes / 1_048_576) * LOAD_MS_PER_MIB;
    const task = { ...(await room.parts()), update };
    const timeoutMs = limits.trialTimeoutMs + loadMs;
    let result = await workers.trial(task, timeoutMs);
    // A refusal is for good, and the first deadline may have been the machine's fault: honest offline work was
    // refused at a load of 12 on 2 cores. What is quadratic runs into the second one too.
    if (!result.ok && result.reason === 'deadline') {
      result = await workers.trial(task, timeoutMs * SECOND_TRIAL_FACTOR);
    }
    if (!result.ok) {
      stats.refused += 1;
      return { kind: 'refused', code: 'update-refused', reason: 'cost' };
    }
    room.assertOpen();
    // Others may have written meanwhile, or the author's access ended: it is decided now, with what is known now.
    const judged = judge({ isValid: true, summary }, room.version);
    const { part, verdict } = newPart(update, judged, room.version);
    if (verdict.kind !== 'new') return await this.#judge(part, verdict, author, trace);
    if (!author.canWrite) return READ_ONLY;
    return tellPart(room.accept(part, verdict, author, trace), part === update);
  }
}

function tellPart(offer: Offer, isWhole: boolean): Offer {
  return isWhole || offer.kind !== 'accepted' ? offer : ACCEPTED_PART;
}

/**
 * What another node has taken is in the document, whatever this one thinks of it: a newer build that refused it would
 * stay apart for ever from the older one that did not. Only what is no update at all is refused. [I2]
 */
function trustOf({ isRemote }: Author): Trust {
  return isRemote === true ? 'stored' : 'client';
}

/**
 * What two nodes have each accepted may together be more than either would: refusing it here would leave them apart
 * for ever. [I2]
 */
function bytesMax(documentBytesMax: number, { isRemote }: Author): number {
  return isRemote === true ? 2 * documentBytesMax : documentBytesMax;
}
