/**
 * Two states of a text, compared: as a unified diff of lines, or as a list of what both have and what only one
 * has, word by word where few changed. Matching costs the square of what differs, so it is bounded; beyond, all
 * between the first line that differs and the last one is said to be replaced.
 */
import { diffLines, diffWordsWithSpace, formatPatch, structuredPatch } from 'diff';
import { plainText } from './render-text.ts';
import { isReadableAs } from './render.ts';
import { loadDocument, rootOf, type PackedState } from './whole-document.ts';

/** A run of text that both have, or only one. */
export interface TextChange {
  readonly kind: 'equal' | 'added' | 'removed';
  readonly text: string;
}

export interface ComparisonRequest {
  readonly rootName: string;
  /** How the two are called in a unified diff. */
  readonly fromName: string;
  readonly toName: string;
  readonly form: 'unified' | 'changes';
}

export type Comparison =
  | { readonly kind: 'unified'; readonly patch: string }
  | { readonly kind: 'changes'; readonly changes: readonly TextChange[] }
  | { readonly kind: 'wrong-type' | 'too-deep' };

/** Words, then lines, added and removed: each limit is about a second here. */
const WORD_EDITS_MAX = 1_000;
const LINE_EDITS_MAX = 1_000;
const CONTEXT_LINES = 3;

export function compareTexts(
  from: PackedState,
  to: PackedState,
  { rootName, fromName, toName, form }: ComparisonRequest,
): Comparison {
  try {
    const before = textOf(from, rootName);
    const after = textOf(to, rootName);
    if (before === null || after === null) return { kind: 'wrong-type' };
    if (form === 'changes') return changesOf(before, after);
    const patch = patchOf(before, after);
    return {
      kind: 'unified',
      patch: formatPatch({ ...patch, oldFileName: fromName, newFileName: toName }),
    };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'too-deep' };
    throw error;
  }
}

function changesOf(before: string, after: string): Comparison {
  const parts =
    diffWordsWithSpace(before, after, { maxEditLength: WORD_EDITS_MAX }) ??
    diffLines(before, after, { maxEditLength: LINE_EDITS_MAX });
  if (parts === undefined) return { kind: 'changes', changes: replacement(before, after).changes };
  const changes = parts.map(({ added, removed, value }) => ({
    kind: added ? ('added' as const) : removed ? ('removed' as const) : ('equal' as const),
    text: value,
  }));
  return { kind: 'changes', changes };
}

type Patch = ReturnType<typeof structuredPatch>;

function patchOf(before: string, after: string): Patch {
  const options = { context: CONTEXT_LINES, maxEditLength: LINE_EDITS_MAX };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  return patch ?? { ...EMPTY_PATCH, hunks: [replacement(before, after).hunk] };
}

const EMPTY_PATCH: Patch = {
  oldFileName: '',
  newFileName: '',
  oldHeader: undefined,
  newHeader: undefined,
  hunks: [],
};

/** All between the first line that differs and the last one. */
function replacement(
  before: string,
  after: string,
): { readonly changes: readonly TextChange[]; readonly hunk: Patch['hunks'][number] } {
  const [old, young] = [linesOf(before), linesOf(after)];
  const shorter = Math.min(old.length, young.length);
  let start = 0;
  while (start < shorter && old[start] === young[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === young.at(-1 - end)) end++;
  const removed = old.slice(start, old.length - end);
  const added = young.slice(start, young.length - end);
  const above = old.slice(Math.max(0, start - CONTEXT_LINES), start);
  const below = old.slice(old.length - end, old.length - end + CONTEXT_LINES);
  const changes = [
    { kind: 'equal' as const, text: old.slice(0, start).join('') },
    { kind: 'removed' as const, text: removed.join('') },
    { kind: 'added' as const, text: added.join('') },
    { kind: 'equal' as const, text: old.slice(old.length - end).join('') },
  ].filter(({ text }) => text !== '');
  const first = start - above.length + 1;
  const hunk = {
    oldStart: first,
    oldLines: above.length + removed.length + below.length,
    newStart: first,
    newLines: above.length + added.length + below.length,
    lines: [
      ...marked(' ', above),
      ...marked('-', removed),
      ...marked('+', added),
      ...marked(' ', below),
    ],
  };
  return { changes, hunk };
}

/** Each with its line feed, if it has one. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function marked(mark: string, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) =>
    line.endsWith('\n')
      ? [mark + line.slice(0, -1)]
      : [mark + line, '\\ No newline at end of file'],
  );
}

/** Null when the root is something else than a text. */
function textOf(state: PackedState, rootName: string): string | null {
  const root = rootOf(loadDocument(state), rootName);
  return isReadableAs(root, 'text') ? plainText(root) : null;
}
