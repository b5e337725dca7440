/**
 * Binds a text field to a Y.Text. What the user does becomes the smallest edit that explains it; what others
 * do appears without moving the caret, the selection or the scroll position off the text they were at.
 *
 * The field is read after every input, also while an input method composes (on some phones it composes every
 * word), but never written during a composition: see alignment.ts. Undo is the document's (Y.UndoManager,
 * own edits only); the field's own history would bring back what others deleted.
 */
import * as Y from 'yjs';
import { Alignment } from './alignment.ts';
import { spliceBetween } from './splice.ts';
import type { Splice } from './splice.ts';
import { applyChange, endOfChange, mapOffset } from './text-change.ts';
import type { TextChange } from './text-change.ts';

/** What it needs of an HTMLTextAreaElement. */
export interface TextField extends EventTarget {
  value: string;
  readonly selectionStart: number;
  readonly selectionEnd: number;
  readonly selectionDirection: 'forward' | 'backward' | 'none';
  scrollTop: number;
  setSelectionRange(start: number, end: number, direction: 'forward' | 'backward' | 'none'): void;
}

/** The fields of an InputEvent or KeyboardEvent that are looked at. */
interface Pressed extends Event {
  readonly inputType?: string;
  readonly key?: string;
  readonly ctrlKey?: boolean;
  readonly metaKey?: boolean;
  readonly shiftKey?: boolean;
  readonly altKey?: boolean;
}

export class TextBinding {
  readonly undoManager: Y.UndoManager;
  readonly #text: Y.Text;
  readonly #field: TextField;
  /** The Y.Text as a string. */
  #current: string;
  /** What the field held when it was last read or written. */
  #shown: string;
  #isComposing = false;
  /** Non-null while the field lags behind the text. */
  #alignment: Alignment | null = null;
  readonly #stopListening: () => void;

  constructor(text: Y.Text, field: TextField) {
    this.#text = text;
    this.#field = field;
    this.undoManager = new Y.UndoManager(text, { trackedOrigins: new Set([this]) });
    this.#current = applyChange('', text.toDelta() as TextChange);
    this.#shown = this.#current;
    field.value = this.#current;
    text.observe(this.#onTextChange);
    this.#stopListening = listen(field, {
      input: () => this.#readField(),
      compositionstart: () => {
        this.#isComposing = true;
      },
      compositionend: () => this.#endComposition(),
      beforeinput: (event) => this.#onBeforeInput(event),
      keydown: (event) => this.#onKeyDown(event),
    });
  }

  /** Lets go of both; the field keeps what it shows. */
  destroy(): void {
    this.#stopListening();
    this.#text.unobserve(this.#onTextChange);
    this.undoManager.destroy();
  }

  #readField(): void {
    const value = this.#field.value;
    const splice = spliceBetween(this.#shown, value, this.#field.selectionEnd);
    if (splice === null) return;
    this.#shown = value;
    if (this.#alignment === null) this.#editText(splice);
    else this.#editAlignedText(splice, this.#alignment);
    if (this.#alignment === null && this.#current !== value) this.#writeField((offset) => offset);
  }

  #editText({ index, remove, insert }: Splice): void {
    this.#text.doc?.transact(() => {
      this.#text.delete(index, remove);
      this.#text.insert(index, insert);
    }, this);
  }

  #editAlignedText({ index, remove, insert }: Splice, alignment: Alignment): void {
    const position = alignment.place(index);
    const doomed = alignment.unitsFromTheEnd(index, remove);
    alignment.remove(index, remove);
    this.#text.doc?.transact(() => {
      for (const unit of doomed) this.#text.delete(unit, 1);
      this.#text.insert(position, insert);
    }, this);
    alignment.insert(index, position, insert.length);
  }

  readonly #onTextChange = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
    const change = event.delta as TextChange;
    this.#current = applyChange(this.#current, change);
    const isOwn = transaction.origin === this;
    if (this.#isComposing && this.#alignment === null && !isOwn) {
      this.#alignment = new Alignment(this.#shown.length);
    }
    this.#alignment?.follow(change);
    if (isOwn || this.#isComposing) return;
    if (transaction.origin === this.undoManager) {
      const caret = endOfChange(change);
      this.#writeField(() => caret);
      return;
    }
    // A caret stays before what others insert at it, so that two people typing at one place don't interleave;
    // a selection stays around what it held.
    const isCaret = this.#field.selectionStart === this.#field.selectionEnd;
    this.#writeField((offset, edge) =>
      mapOffset(offset, change, !isCaret && edge === 'start' ? 'after' : 'before'),
    );
  };

  #endComposition(): void {
    this.#readField();
    this.#isComposing = false;
    const alignment = this.#alignment;
    if (alignment === null) return;
    this.#alignment = null;
    this.#writeField((offset) => alignment.place(offset));
  }

  #writeField(map: (offset: number, edge: 'start' | 'end') => number): void {
    const field = this.#field;
    const start = map(field.selectionStart, 'start');
    const end = map(field.selectionEnd, 'end');
    const direction = field.selectionDirection;
    const scrollTop = field.scrollTop;
    this.#shown = this.#current;
    field.value = this.#current;
    field.setSelectionRange(Math.min(start, end), end, direction);
    field.scrollTop = scrollTop;
  }

  /** Undo from menus and gestures. */
  #onBeforeInput(event: Pressed): void {
    if (event.inputType === 'historyUndo') this.#undo(event);
    else if (event.inputType === 'historyRedo') this.#redo(event);
  }

  /** Undo from the keyboard: without a history of its own the field would fire no `beforeinput`. */
  #onKeyDown(event: Pressed): void {
    if (this.#isComposing || event.altKey === true) return;
    if (event.ctrlKey !== true && event.metaKey !== true) return;
    const key = event.key?.toLowerCase();
    if (key === 'z' && event.shiftKey !== true) this.#undo(event);
    else if (key === 'z' || key === 'y') this.#redo(event);
  }

  #undo(event: Event): void {
    event.preventDefault();
    this.undoManager.undo();
  }

  #redo(event: Event): void {
    event.preventDefault();
    this.undoManager.redo();
  }
}

function listen(
  target: EventTarget,
  listeners: Record<string, (event: Pressed) => void>,
): () => void {
  for (const [type, listener] of Object.entries(listeners)) target.addEventListener(type, listener);
  return () => {
    for (const [type, listener] of Object.entries(listeners)) {
      target.removeEventListener(type, listener);
    }
  };
}
