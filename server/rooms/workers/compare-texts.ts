/**
 * Two states of a text, compared: as a unified diff of lines, or as a list of what both have and what only one
 * has, word by word where few changed.
 */
import { createTwoFilesPatch, diffLines, diffWordsWithSpace } from 'diff';
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
  /** `too-different`: more differs than can be matched in useful time. */
  | { readonly kind: 'wrong-type' | 'too-deep' | 'too-different' };

/** Words added and removed up to which words are compared; beyond, lines: the cost grows with the square. */
const WORD_EDITS_MAX = 2_000;
const LINE_EDITS_MAX = 20_000;

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
    const options = { context: 3, maxEditLength: LINE_EDITS_MAX };
    const patch = createTwoFilesPatch(fromName, toName, before, after, '', '', options);
    return patch === undefined ? { kind: 'too-different' } : { kind: 'unified', patch };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'too-deep' };
    throw error;
  }
}

function changesOf(before: string, after: string): Comparison {
  const parts =
    diffWordsWithSpace(before, after, { maxEditLength: WORD_EDITS_MAX }) ??
    diffLines(before, after, { maxEditLength: LINE_EDITS_MAX });
  if (parts === undefined) return { kind: 'too-different' };
  const changes = parts.map(({ added, removed, value }) => ({
    kind: added ? ('added' as const) : removed ? ('removed' as const) : ('equal' as const),
    text: value,
  }));
  return { kind: 'changes', changes };
}

/** Null when the root is something else than a text. */
function textOf(state: PackedState, rootName: string): string | null {
  const root = rootOf(loadDocument(state), rootName);
  return isReadableAs(root, 'text') ? plainText(root) : null;
}
