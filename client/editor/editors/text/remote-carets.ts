/**
 * Others' cursors and selections in CodeMirror. y-codemirror.next draws them with style attributes, which the page's
 * security policy forbids; the presence that it writes and reads is the same (`cursor`: relative positions).
 */
import { Annotation, RangeSet, type Range } from '@codemirror/state';
import {
  Decoration,
  ViewPlugin,
  WidgetType,
  type DecorationSet,
  type EditorView,
  type ViewUpdate,
} from '@codemirror/view';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { drawCaret, personIn, selectionColor } from '../caret.ts';

interface Place {
  readonly anchor: number;
  readonly head: number;
}

const moved = Annotation.define<boolean>();

export function remoteCarets(text: Y.Text, awareness: Awareness): ViewPlugin<RemoteCarets> {
  return ViewPlugin.define((view) => new RemoteCarets(view, text, awareness), {
    decorations: (plugin) => plugin.decorations,
  });
}

/** Where somebody's cursor is; null: not in this text. */
export function placeOf(text: Y.Text, awareness: Awareness, clientId: number): Place | null {
  const cursor: unknown = awareness.getStates().get(clientId)?.['cursor'];
  if (typeof cursor !== 'object' || cursor === null) return null;
  const { anchor, head } = cursor as Record<string, unknown>;
  const [from, to] = [indexOf(text, anchor), indexOf(text, head)];
  return from === null || to === null ? null : { anchor: from, head: to };
}

export class RemoteCarets {
  decorations: DecorationSet = RangeSet.empty;
  readonly #view: EditorView;
  readonly #text: Y.Text;
  readonly #awareness: Awareness;
  #frame = 0;

  constructor(view: EditorView, text: Y.Text, awareness: Awareness) {
    this.#view = view;
    this.#text = text;
    this.#awareness = awareness;
    awareness.on('change', this.#onPresence);
    this.decorations = this.#decorate(view.state.doc.length);
  }

  update(update: ViewUpdate): void {
    this.#tell(update);
    if (update.docChanged || update.transactions.some((one) => one.annotation(moved) === true)) {
      this.decorations = this.#decorate(update.state.doc.length);
    }
  }

  destroy(): void {
    this.#awareness.off('change', this.#onPresence);
    cancelAnimationFrame(this.#frame);
  }

  /** Fifty people move fifty times as often as anybody looks: once a frame. */
  readonly #onPresence = (changes: Record<'added' | 'updated' | 'removed', number[]>): void => {
    const { added, updated, removed } = changes;
    const own = this.#awareness.clientID;
    if (![...added, ...updated, ...removed].some((id) => id !== own)) return;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#view.dispatch({ annotations: moved.of(true) });
    });
  };

  /** Where one is oneself. */
  #tell({ view, state, selectionSet, docChanged, focusChanged }: ViewUpdate): void {
    if (!selectionSet && !docChanged && !focusChanged) return;
    const local = this.#awareness.getLocalState();
    if (local === null || !view.hasFocus) return;
    const { anchor, head } = state.selection.main;
    const cursor = {
      anchor: positionOf(this.#text, anchor),
      head: positionOf(this.#text, head),
    };
    if (JSON.stringify(local['cursor']) === JSON.stringify(cursor)) return;
    this.#awareness.setLocalStateField('cursor', cursor);
  }

  #decorate(length: number): DecorationSet {
    const ranges: Range<Decoration>[] = [];
    for (const [clientId, state] of this.#awareness.getStates()) {
      if (clientId === this.#awareness.clientID) continue;
      const place = placeOf(this.#text, this.#awareness, clientId);
      if (place === null) continue;
      const from = Math.min(place.anchor, place.head, length);
      const to = Math.min(Math.max(place.anchor, place.head), length);
      if (from < to) {
        ranges.push(
          Decoration.mark({
            class: 'caret-selection',
            attributes: { style: `background-color: ${selectionColor(state['user'])}` },
          }).range(from, to),
        );
      }
      ranges.push(
        Decoration.widget({ widget: new CaretWidget(state['user'], clientId), side: 1 }).range(
          Math.min(place.head, length),
        ),
      );
    }
    return Decoration.set(ranges, true);
  }
}

class CaretWidget extends WidgetType {
  readonly #user: unknown;
  readonly #clientId: number;
  constructor(user: unknown, clientId: number) {
    super();
    this.#user = user;
    this.#clientId = clientId;
  }
  override eq(other: CaretWidget): boolean {
    const [a, b] = [personIn(this.#user), personIn(other.#user)];
    return this.#clientId === other.#clientId && a.name === b.name && a.color === b.color;
  }
  override toDOM(): HTMLElement {
    return drawCaret(this.#user, this.#clientId);
  }
  override ignoreEvent(): boolean {
    return true;
  }
}

function positionOf(text: Y.Text, index: number): unknown {
  return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index));
}

/** `position`: anybody's JSON. */
function indexOf(text: Y.Text, position: unknown): number | null {
  try {
    const relative = Y.createRelativePositionFromJSON(position);
    const absolute =
      text.doc === null ? null : Y.createAbsolutePositionFromRelativePosition(relative, text.doc);
    return absolute === null || absolute.type !== text ? null : absolute.index;
  } catch {
    return null;
  }
}
