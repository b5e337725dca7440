/**
 * What an editor does to its copy: it adds, deletes what it has added, sets, formats, and takes back. Each edit is put
 * through `invoke`, which says in the history what is meant before it is done.
 */
import * as Y from 'yjs';
import type { OpInvoke } from '../../chaos/history/events.ts';
import { REG_ROOT, SET_ROOT, TEXT_ROOT, elementsIn, tokenOf } from '../../chaos/history/shapes.ts';
import type { Random } from '../support/random.ts';

/** What an edit changes. */
export type Changes = Partial<Pick<OpInvoke, 'adds' | 'dels' | 'set'>>;

export interface PenOptions {
  /** Of the editor: its elements and its register are named after it. */
  readonly name: string;
  readonly doc: Y.Doc;
  /** Can undo what has this origin; null: undoes nothing. */
  readonly undoOrigin: string | null;
  readonly random: Random;
  readonly invoke: (f: OpInvoke['f'], what: Changes, change: () => void) => void;
}

export class Pen {
  readonly #name: string;
  readonly #doc: Y.Doc;
  readonly #undo: Y.UndoManager | null;
  readonly #random: Random;
  readonly #invoke: PenOptions['invoke'];
  #ids = 0;
  readonly #own = new Set<string>();
  /** The last thing it did was to add this: what undo takes back. */
  #lastAdded: string | null = null;

  constructor({ name, doc, undoOrigin, random, invoke }: PenOptions) {
    this.#name = name;
    this.#doc = doc;
    this.#random = random;
    this.#invoke = invoke;
    this.#undo =
      undoOrigin === null
        ? null
        : new Y.UndoManager([doc.getArray(SET_ROOT), doc.getText(TEXT_ROOT)], {
            trackedOrigins: new Set([undoOrigin]),
            captureTimeout: 0,
          });
  }

  /** One edit, chosen by the dice. `onlyDeletes`: if there is anything of its own to delete. */
  edit(onlyDeletes: boolean): void {
    const dice = this.#random.below(100);
    if (onlyDeletes || dice < 20) {
      if (this.#delete() || onlyDeletes) return;
    }
    if (dice >= 95 && this.#takeBack()) return;
    if (dice >= 90 && this.#format()) return;
    if (dice >= 80) this.#set();
    else this.#add();
  }

  #add(): void {
    const id = `${this.#name}:${(this.#ids += 1)}`;
    const isInText = this.#random.oneIn(2);
    this.#invoke('add', { adds: [id] }, () => {
      if (!isInText) {
        this.#doc.getArray<string>(SET_ROOT).push([id]);
        return;
      }
      const text = this.#doc.getText(TEXT_ROOT);
      text.insert(this.#boundary(text), tokenOf(id));
    });
    if (isInText) this.#own.add(id);
    this.#lastAdded = id;
  }

  #delete(): boolean {
    const text = this.#doc.getText(TEXT_ROOT);
    const shown = elementsIn(text.toString()).filter((id) => this.#own.has(id));
    if (shown.length === 0) return false;
    const id = this.#random.pick(shown);
    this.#invoke('del', { dels: [id] }, () => {
      text.delete(text.toString().indexOf(tokenOf(id)), tokenOf(id).length);
    });
    this.#lastAdded = null;
    return true;
  }

  #set(): void {
    const key = this.#name;
    const value = (this.#ids += 1);
    this.#invoke('set', { set: { key, value } }, () => {
      this.#doc.getMap<number>(REG_ROOT).set(key, value);
    });
  }

  #format(): boolean {
    const text = this.#doc.getText(TEXT_ROOT);
    const shown = elementsIn(text.toString());
    if (shown.length === 0) return false;
    const token = tokenOf(this.#random.pick(shown));
    const isBold = this.#random.oneIn(2);
    this.#invoke('format', {}, () => {
      text.format(text.toString().indexOf(token), token.length, { b: isBold ? true : null });
    });
    this.#lastAdded = null;
    return true;
  }

  /** Undoes an addition: a deletion, as far as anybody can tell. */
  #takeBack(): boolean {
    const id = this.#lastAdded;
    const undo = this.#undo;
    if (undo === null || id === null || undo.undoStack.length === 0) return false;
    this.#invoke('undo', { dels: [id] }, () => {
      undo.undo();
    });
    this.#lastAdded = null;
    return true;
  }

  #boundary(text: Y.Text): number {
    const ends = [0];
    let at = 0;
    for (const id of elementsIn(text.toString())) ends.push((at += tokenOf(id).length));
    return this.#random.pick(ends);
  }
}
