/**
 * Decides what happens to an update before anything else sees its bytes. A pure function of the bytes and the
 * version of the room: no document, no clock, no dice.
 *
 *   new        something in it is not known yet, and all that it needs is: Yjs integrates it cleanly [I3]
 *   redundant  everything in it is known: neither stored nor forwarded
 *   gap        it needs something that is not here yet; an honest client that lacks something sends that
 *   refused    no honest client sends it
 *
 * `new` promises that no Yjs replica at (or past) this version throws, or keeps anything pending. The test
 * of that promise is a real `Y.Doc`, a million times: test/fuzz/check-oracle.test.ts.
 */
import { trim } from './cut.ts';
import { findForgery } from './forgery.ts';
import type { RefusalCode } from './refusal.ts';
import { scan, type ScanResult, type UpdateSummary } from './scan.ts';
import type { Version } from './version.ts';

export type { RefusalCode } from './refusal.ts';

export type GapReason =
  /** Structs of a client that start behind what is known of it. */
  | 'clock'
  /** An origin or parent that is not known. */
  | 'dependency'
  /** A delete of what does not exist: it would lie in wait for it. */
  | 'delete'
  /** The sender left something out because it lacks it itself. */
  | 'skip';

export type Verdict =
  | {
      readonly kind: 'new';
      readonly summary: UpdateSummary;
      /** Part of it is known: store and forward its `newPart` instead. */
      readonly overlaps: boolean;
      /** Items that Yjs may have to search a place for. Above `conflictsMax`: try it in a worker first. */
      readonly conflicts: number;
    }
  | { readonly kind: 'redundant'; readonly summary: UpdateSummary }
  | { readonly kind: 'gap'; readonly reason: GapReason; readonly summary: UpdateSummary }
  | { readonly kind: 'refused'; readonly code: RefusalCode };

/** `summary` saves the scan where it has been made already. */
export function check(update: Uint8Array, version: Version, summary?: UpdateSummary): Verdict {
  return summary === undefined ? judge(scan(update), version) : compare(summary, version);
}

/**
 * What of an update is to be stored and forwarded, and what that is: itself, unless it overlaps with what is known.
 * The rest is then checked again, and may be refused: what the whole said of things that are known may be a lie.
 */
export function newPart(
  update: Uint8Array,
  verdict: Verdict,
  version: Version,
): { readonly part: Uint8Array; readonly verdict: Verdict } {
  if (verdict.kind !== 'new' || !verdict.overlaps) return { part: update, verdict };
  const part = trim(update, version);
  return { part, verdict: judge(scan(part, verdict.summary.trust), version) };
}

/** What an update that was scanned elsewhere, in a worker, is to a replica at `version`. */
export function judge(scanned: ScanResult, version: Version): Verdict {
  if (!scanned.isValid) return { kind: 'refused', code: scanned.code };
  return compare(scanned.summary, version);
}

function compare(summary: UpdateSummary, version: Version): Verdict {
  const { sections, needs, deletes, hasSkips } = summary;
  let isNew = false;
  let overlaps = false;
  let reason: GapReason | null = null;

  for (let at = 0; at < sections.length; at += 3) {
    const clock = version.clockOf(sections[at] as number);
    const start = sections[at + 1] as number;
    if (start > clock) reason ??= 'clock';
    if (start < clock) overlaps = true;
    if ((sections[at + 2] as number) > clock) isNew = true;
  }
  for (let at = 0; at < needs.length; at += 2) {
    if (version.clockOf(needs[at] as number) < (needs[at + 1] as number)) reason ??= 'dependency';
  }
  const brought = deletes.length > 0 ? new Brought(sections) : null;
  for (let at = 0; at < deletes.length; at += 3) {
    const client = deletes[at] as number;
    const clock = deletes[at + 1] as number;
    const length = deletes[at + 2] as number;
    const known = version.clockOf(client);
    if (clock + length > known && clock + length > (brought?.endOf(client) ?? 0))
      reason ??= 'delete';
    if (version.hasDeletes(client, clock, length)) overlaps = true;
    else isNew = true;
  }

  // What is left out of a fully known update is no gap: its sender will get it, nobody else misses it.
  if (!isNew && reason === null) return { kind: 'redundant', summary };
  if (hasSkips) reason = 'skip';
  if (reason !== null) return { kind: 'gap', reason, summary };
  const forgery = summary.trust === 'client' ? findForgery(summary, version) : null;
  if (forgery !== null) return { kind: 'refused', code: forgery };
  return { kind: 'new', summary, overlaps, conflicts: summary.conflicts };
}

/** How far the update itself brings each client. */
class Brought {
  readonly #sections: readonly number[];
  readonly #ends: Map<number, number> | null;

  constructor(sections: readonly number[]) {
    this.#sections = sections;
    // Nearly every update brings one client; looking through eight is cheaper than building a Map.
    this.#ends = sections.length > 24 ? new Map() : null;
    if (this.#ends === null) return;
    for (let at = 0; at < sections.length; at += 3) {
      this.#ends.set(sections[at] as number, sections[at + 2] as number);
    }
  }

  endOf(client: number): number {
    if (this.#ends !== null) return this.#ends.get(client) ?? 0;
    const sections = this.#sections;
    for (let at = 0; at < sections.length; at += 3) {
      if (sections[at] === client) return sections[at + 2] as number;
    }
    return 0;
  }
}
