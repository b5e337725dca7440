/**
 * Makes a new base from an old one and the updates since, in a real `Y.Doc`; and is the referee over what the
 * check let through. Pure functions of bytes, run in a worker thread (worker-tasks.ts), because a document
 * takes seconds to load and a hostile one for ever.
 *
 * Promises: what comes out has everything that went in, except what is named in `quarantined`; it was read
 * back before it is handed out. An update is set aside only if Yjs cannot integrate it, or it depends on
 * something that is not there; nothing is set aside for being large or old.
 */
import * as Y from 'yjs';
import { arrange, type Piece } from './arrange.ts';
import { judge } from '../updates/check.ts';
import { cut } from '../updates/cut.ts';
import { encodeOutlines, outline } from '../updates/outline.ts';
import { scan } from '../updates/scan.ts';
import { Version } from '../updates/version.ts';

/** A stored document: the base's chunks, and the updates since in the order in which they were stored. */
export interface StoredParts {
  readonly chunks: readonly Uint8Array[];
  readonly tail: readonly Uint8Array[];
}

export interface Quarantined {
  /** Index in `tail`. */
  readonly index: number;
  readonly reason: string;
}

export interface Compaction {
  readonly chunks: readonly Uint8Array[];
  /** The version of `chunks`, encoded. It covers that of the parts, and may know of more deletes. */
  readonly head: Uint8Array;
  /** Where what lies in `chunks`: see updates/outline.ts. */
  readonly outline: Uint8Array;
  readonly digest: string;
  readonly quarantined: readonly Quarantined[];
}

/** Told before an update is handed to Yjs: the indices in `tail`, empty for the base. */
export type Watch = (indices: readonly number[]) => void;

/** Culprits to look for one by one; a tail with more is left to an operator. */
const CULPRITS_MAX = 100;

/**
 * `excluded`: tail updates that are known to be too expensive, with the reason to report.
 * @throws Error if the base itself cannot be loaded, or the result does not hold what went in
 */
export function compact(
  parts: StoredParts,
  excluded: readonly Quarantined[] = [],
  watch: Watch = () => {},
): Compaction {
  const culprits = new Map(excluded.map(({ index, reason }) => [index, reason]));
  for (let round = 0; round < CULPRITS_MAX; round++) {
    const { pieces, version, unusable } = arrange(parts, culprits);
    const outcome = encodeState(pieces, watch);
    if (outcome.isOk) {
      const chunks = cut(outcome.state);
      const made = readBack(chunks, version);
      const quarantined = [...culprits, ...unusable]
        .map(([index, reason]) => ({ index, reason }))
        .toSorted((a, b) => a.index - b.index);
      return {
        chunks,
        head: made.encodeHead(),
        outline: encodeOutlines(chunks.map(outline)),
        digest: made.digest(),
        quarantined,
      };
    }
    const { indices } = pieces[outcome.culprit] as Piece;
    if (indices.length === 0) throw new Error(`the base cannot be loaded: ${outcome.reason}`);
    for (const index of indices) culprits.set(index, outcome.reason);
  }
  throw new Error(`more than ${CULPRITS_MAX} updates that Yjs refuses`);
}

type Outcome =
  | { readonly isOk: true; readonly state: Uint8Array }
  | { readonly isOk: false; readonly culprit: number; readonly reason: string };

function encodeState(pieces: readonly Piece[], watch: Watch): Outcome {
  const attempt = integrate(pieces, watch);
  if (attempt.isOk || attempt.culprit !== null) return attempt as Outcome;
  // Every single update went in, and the document fell apart at the end: look for the one that does it.
  let good = 0;
  let bad = pieces.length;
  let { reason } = attempt;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const half = integrate(pieces.slice(0, middle), watch);
    if (half.isOk) {
      good = middle;
    } else {
      bad = half.culprit === null ? middle : half.culprit + 1;
      ({ reason } = half);
    }
  }
  return { isOk: false, culprit: bad - 1, reason };
}

type Attempt =
  | { readonly isOk: true; readonly state: Uint8Array }
  /** `culprit`: index of the piece that threw, or null if it was the end of the transaction. */
  | { readonly isOk: false; readonly culprit: number | null; readonly reason: string };

function integrate(pieces: readonly Piece[], watch: Watch): Attempt {
  const doc = new Y.Doc({ gc: true });
  let current: number | null = null;
  try {
    // In one transaction, which begins before any text is there: at the end of a remote transaction YText deletes
    // superfluous formatting in what was there before. Those would be edits of nobody, with which a node that
    // compacts would differ from one that does not. [I3]
    doc.transact(() => {
      for (const [at, { indices, update }] of pieces.entries()) {
        current = at;
        watch(indices);
        Y.applyUpdate(doc, update);
        if (isPending(doc)) throw new Error('depends on what is not there');
      }
      current = null;
    });
    return { isOk: true, state: Y.encodeStateAsUpdate(doc) };
  } catch (error) {
    return { isOk: false, culprit: current, reason: `yjs: ${messageOf(error)}` };
  } finally {
    doc.destroy();
  }
}

/** The version that the chunks of a base add up to. @throws Error if one does not follow from those before it */
export function versionOf(chunks: readonly Uint8Array[]): Version {
  const made = new Version();
  for (const chunk of chunks) {
    const verdict = judge(scan(chunk, 'stored'), made);
    if (verdict.kind === 'new') made.apply(verdict.summary);
    else if (verdict.kind !== 'redundant') throw new Error(`a chunk of a base is ${verdict.kind}`);
  }
  return made;
}

/** The same, after making sure that it lacks nothing. */
function readBack(chunks: readonly Uint8Array[], expected: Version): Version {
  const made = versionOf(chunks);
  if (!made.covers(expected) || !expected.knowsAllClocksOf(made)) {
    throw new Error('the new base does not hold what went into it');
  }
  return made;
}

export interface Trial {
  /** Yjs took the update: no exception, nothing pending, and the document can be encoded. */
  readonly ok: boolean;
  readonly reason: string | null;
  /** What integrating the update took, without loading the document. */
  readonly durationMs: number;
}

/** Whether Yjs integrates an update into a stored document cleanly. The caller sets the deadline. */
export function trial(parts: StoredParts, update: Uint8Array, now: () => number): Trial {
  const doc = new Y.Doc({ gc: true });
  doc.transact(() => {
    for (const part of [...parts.chunks, ...parts.tail]) Y.applyUpdate(doc, part);
  });
  if (isPending(doc)) throw new Error('the stored document has pending structs');
  const startedMs = now();
  try {
    Y.applyUpdate(doc, update);
    if (isPending(doc)) throw new Error('depends on what is not there');
    Y.encodeStateAsUpdate(doc);
    return { ok: true, reason: null, durationMs: now() - startedMs };
  } catch (error) {
    return { ok: false, reason: `yjs: ${messageOf(error)}`, durationMs: now() - startedMs };
  } finally {
    doc.destroy();
  }
}

function isPending({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null;
}

/** Yjs' and lib0's messages say what went wrong in a few words, and quote no content. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 80) : 'unknown error';
}
