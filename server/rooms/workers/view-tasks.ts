/**
 * Tasks that load whole documents for one reader: rendering, comparing, restoring. Exported to the pool through
 * worker-tasks.ts; plain bytes and plain objects in and out.
 */
import {
  compareTexts as compareTextsOf,
  type Comparison,
  type ComparisonRequest,
} from './compare-texts.ts';
import { handOver } from './hand-over.ts';
import { render as renderState, type RenderRequest, type Rendering } from './render.ts';
import { restore as restoreState } from './restore.ts';
import type { PackedState } from './whole-document.ts';

export interface RenderTask {
  readonly state: PackedState;
  readonly request: RenderRequest;
}

export interface CompareTextsTask {
  readonly from: PackedState;
  readonly to: PackedState;
  readonly request: ComparisonRequest;
}

export interface RestoreTask {
  readonly current: PackedState;
  readonly snapshot: PackedState;
  readonly clientId: number;
}

/** `too-deep`: the types are nested so deeply that reading them overflows the stack. */
export type Restoration =
  { readonly kind: 'update'; readonly update: Uint8Array } | { readonly kind: 'same' | 'too-deep' };

export interface ViewTasks {
  render: { task: RenderTask; result: Rendering };
  compareTexts: { task: CompareTextsTask; result: Comparison };
  restore: { task: RestoreTask; result: Restoration };
}

export function render({ state, request }: RenderTask): Rendering {
  const rendering = renderState(state, request);
  return rendering.kind === 'rendered' ? handOver(rendering, [rendering.body]) : rendering;
}

export function compareTexts({ from, to, request }: CompareTextsTask): Comparison {
  return compareTextsOf(from, to, request);
}

export function restore({ current, snapshot, clientId }: RestoreTask): Restoration {
  try {
    const update = restoreState(current, snapshot, clientId);
    if (update === null) return { kind: 'same' };
    return handOver({ kind: 'update', update }, [update]);
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'too-deep' };
    throw error;
  }
}
