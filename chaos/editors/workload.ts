/**
 * What an editor does next: FAULTS.md C1's mix of 60% additions, 20% deletions, 10% numbers, 5% formats, 5% undo, half
 * in the array and half in the text. Deletions and formats touch own elements only, so that who deleted what is exact.
 */
import * as Y from 'yjs';
import { elementsIn, REG_ROOT, SET_ROOT, TEXT_ROOT, tokenOf } from '../history/shapes.ts';
import type { Random } from '../random.ts';
import { elementsOf } from './arrivals.ts';

export interface Edit {
  readonly f: 'add' | 'del' | 'set' | 'format' | 'undo';
  readonly adds?: readonly string[];
  readonly dels?: readonly string[];
  readonly set?: { readonly key: string; readonly value: number };
}

const MIX = [
  ['add', 60],
  ['del', 20],
  ['set', 10],
  ['format', 5],
  ['undo', 5],
] as const;

export class Workload {
  readonly #doc: Y.Doc;
  readonly #writer: string;
  readonly #random: Random;
  readonly #undo: Y.UndoManager;
  /** The origin of transactions that can be undone. */
  readonly #origin: object = {};
  #count = 0;
  #value = 0;

  constructor(doc: Y.Doc, writer: string, random: Random) {
    this.#doc = doc;
    this.#writer = writer;
    this.#random = random;
    this.#undo = new Y.UndoManager([doc.getArray(SET_ROOT), doc.getText(TEXT_ROOT)], {
      captureTimeout: 0,
      trackedOrigins: new Set([this.#origin]),
    });
  }

  /** `announce` is called with what is about to happen, before it does. */
  next(announce: (edit: Edit) => void): void {
    switch (this.#pick()) {
      case 'add':
        this.add(announce);
        break;
      case 'del':
        if (!this.delete(announce)) this.add(announce);
        break;
      case 'set':
        this.#set(announce);
        break;
      case 'format':
        if (!this.#format(announce)) this.add(announce);
        break;
      case 'undo':
        if (!this.#undoOne(announce)) this.add(announce);
        break;
    }
  }

  add(announce: (edit: Edit) => void): void {
    this.#count += 1;
    const id = `${this.#writer}:${this.#count}`;
    announce({ f: 'add', adds: [id] });
    const set = this.#doc.getArray<string>(SET_ROOT);
    const text = this.#doc.getText(TEXT_ROOT);
    this.#transact(() => {
      if (this.#random.oneIn(2)) set.push([id]);
      else {
        const tokens = tokensIn(text.toJSON());
        const at = this.#random.below(tokens.length + 1);
        text.insert(tokens[at]?.at ?? text.length, tokenOf(id));
      }
    });
  }

  /** False: there is nothing of one's own. */
  delete(announce: (edit: Edit) => void): boolean {
    const set = this.#doc.getArray<string>(SET_ROOT);
    const text = this.#doc.getText(TEXT_ROOT);
    const inSet = set.toArray().flatMap((id, at) => (this.#isOwn(id) ? [{ id, at }] : []));
    const inText = tokensIn(text.toJSON()).filter(({ id }) => this.#isOwn(id));
    if (inSet.length + inText.length === 0) return false;
    if (inText.length === 0 || (inSet.length > 0 && this.#random.oneIn(2))) {
      const { id, at } = this.#random.pick(inSet);
      announce({ f: 'del', dels: [id] });
      this.#transact(() => {
        set.delete(at);
      });
    } else {
      const { id, at } = this.#random.pick(inText);
      announce({ f: 'del', dels: [id] });
      this.#transact(() => {
        text.delete(at, tokenOf(id).length);
      });
    }
    return true;
  }

  #set(announce: (edit: Edit) => void): void {
    this.#value += 1;
    const set = { key: this.#writer, value: this.#value };
    announce({ f: 'set', set });
    this.#doc.getMap(REG_ROOT).set(set.key, set.value);
  }

  #format(announce: (edit: Edit) => void): boolean {
    const text = this.#doc.getText(TEXT_ROOT);
    const own = tokensIn(text.toJSON()).filter(({ id }) => this.#isOwn(id));
    if (own.length === 0) return false;
    const { id, at } = this.#random.pick(own);
    announce({ f: 'format' });
    this.#transact(() => {
      text.format(at, tokenOf(id).length, { bold: this.#random.oneIn(2) ? true : null });
    });
    return true;
  }

  #undoOne(announce: (edit: Edit) => void): boolean {
    if (this.#undo.undoStack.length === 0) return false;
    // What it will do is known only when it is done; nobody else runs in between.
    const before = elementsOf(this.#doc);
    this.#undo.undo();
    const after = elementsOf(this.#doc);
    announce({
      f: 'undo',
      adds: [...after].filter((id) => !before.has(id)),
      dels: [...before].filter((id) => !after.has(id)),
    });
    return true;
  }

  #transact(change: () => void): void {
    this.#doc.transact(change, this.#origin);
  }

  #isOwn(id: string): boolean {
    return id.startsWith(`${this.#writer}:`);
  }

  #pick(): (typeof MIX)[number][0] {
    let rest = this.#random.below(100);
    for (const [kind, share] of MIX) {
      if (rest < share) return kind;
      rest -= share;
    }
    return 'add';
  }
}

function tokensIn(text: string): { readonly id: string; readonly at: number }[] {
  let at = 0;
  return elementsIn(text).map((id) => {
    const start = text.indexOf(tokenOf(id), at);
    at = start + tokenOf(id).length;
    return { id, at: start };
  });
}
