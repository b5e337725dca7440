/**
 * Brings a document back to what a snapshot shows, as an update like any other (decision 0013). A snapshot is an
 * earlier state of the same document, so ids agree, and the order of items never changes:
 *
 *   alive in both            stays untouched, and with it cursors in it and what is typed around it meanwhile
 *   alive only now           is deleted
 *   alive only in snapshot   comes back as a new item with the same content, after what precedes it
 *
 * What was put there by an earlier restore has other ids and the same content: between two items that stay, the
 * common beginning stays too. So restoring twice changes nothing. [I3]
 *
 * First a plan, which reads, then its execution: while a list is walked over, nothing in it is split.
 */
import * as Y from 'yjs';
import {
  commonUnits,
  copyContent,
  haveEqualValues,
  lastIdOf,
  pieceOf,
  trimCommon,
  valueOf,
  type Piece,
} from './pieces.ts';
import {
  listItems,
  loadDocument,
  mapItems,
  rootOf,
  type PackedState,
  type SharedType,
} from './whole-document.ts';

/**
 * The update, to be applied at the version of `current` or any later one; null if the document shows what the
 * snapshot does. `clientId`: its author, new to the document.
 */
export function restore(
  current: PackedState,
  snapshot: PackedState,
  clientId: number,
): Uint8Array | null {
  const doc = loadDocument(current);
  const past = loadDocument(snapshot);
  if (doc.store.clients.has(clientId) || past.store.clients.has(clientId)) {
    throw new Error('the client id is taken');
  }
  doc.clientID = clientId;
  const plan = new Plan(doc);
  for (const name of new Set([...doc.share.keys(), ...past.share.keys()])) {
    plan.addType(doc.get(name), rootOf(past, name));
  }
  let update: Uint8Array | null = null;
  doc.on('update', (made: Uint8Array) => {
    update = made;
  });
  doc.transact((transaction) => {
    plan.execute(transaction);
  });
  return update;
}

/** A run of new items in a list, or the new value of a key. */
interface Insertion {
  readonly parent: SharedType;
  /** The unit that it comes after; null: at the start. Not for keys. */
  readonly after: Y.ID | null;
  readonly key: string | null;
  readonly pieces: readonly Piece[];
}

class Plan {
  readonly #doc: Y.Doc;
  readonly #insertions: Insertion[] = [];
  readonly #deletions: Piece[] = [];

  constructor(doc: Y.Doc) {
    this.#doc = doc;
  }

  /** `type` is to show what `past` shows. */
  addType(type: SharedType, past: SharedType): void {
    this.#addList(type, past);
    this.#addMap(type, past);
  }

  execute(transaction: Y.Transaction): void {
    for (const insertion of this.#insertions) insert(transaction, insertion);
    for (const { item, from, to } of this.#deletions) {
      // The item that the plan saw may have been split since.
      const { client, clock } = item.id;
      const range = Y.createDeleteSet();
      range.clients.set(client, [{ clock: clock + from, len: to - from }]);
      Y.iterateDeletedStructs(transaction, range, (struct) => {
        if (struct instanceof Y.Item) struct.delete(transaction);
      });
    }
  }

  #addList(type: SharedType, past: SharedType): void {
    const present = new ListCursor(type);
    let stayed: Y.ID | null = null;
    let lost: Piece[] = [];
    const closeGap = (extra: readonly Piece[]): void => {
      const { ours, theirs, kept } = trimCommon(extra, lost);
      this.#deletions.push(...ours);
      if (theirs.length > 0) {
        this.#insertions.push({ parent: type, after: kept ?? stayed, key: null, pieces: theirs });
      }
      lost = [];
    };
    const items = [...listItems(past)];
    const superseded = supersededMarks(items);
    for (const item of items) {
      for (const [piece, counterpart] of this.#counterparts(item, type)) {
        if (counterpart === null) {
          if (!superseded.has(item)) addPiece(lost, piece);
          continue;
        }
        closeGap(present.takeUpTo(counterpart));
        stayed = lastIdOf(counterpart);
        this.#addInner(counterpart.item, item);
      }
    }
    closeGap(present.takeUpTo(null));
  }

  #addMap(type: SharedType, past: SharedType): void {
    const wanted = new Map(mapItems(past));
    for (const [key, item] of mapItems(type)) {
      if (!wanted.has(key)) this.#deletions.push(valueOf(item));
    }
    for (const [key, item] of wanted) {
      const value = type._map.get(key);
      if (value !== undefined && !value.deleted) {
        if (Y.compareIDs(value.lastId, item.lastId)) {
          this.#addInner(value, item);
          continue;
        }
        if (haveEqualValues(value, item)) continue;
      }
      this.#insertions.push({ parent: type, after: null, key, pieces: [valueOf(item)] });
    }
  }

  /** The same item, alive now and then: types in it may show something else. */
  #addInner(item: Y.Item, past: Y.Item): void {
    if (item.content instanceof Y.ContentType && past.content instanceof Y.ContentType) {
      this.addType(item.content.type, past.content.type);
    }
  }

  /** An item of the past in pieces, each with the piece of the same ids that is alive now, or null. */
  *#counterparts(past: Y.Item, type: SharedType): Generator<readonly [Piece, Piece | null]> {
    const { client, clock } = past.id;
    const known = Y.getState(this.#doc.store, client);
    for (let from = 0; from < past.length;) {
      const id = Y.createID(client, clock + from);
      // What was set aside since the snapshot was made is not known any more.
      const struct = id.clock < known ? Y.getItem(this.#doc.store, id) : null;
      const end = struct === null ? Infinity : struct.id.clock + struct.length - clock;
      const piece = { item: past, from, to: Math.min(past.length, end) };
      from = piece.to;
      yield [piece, aliveCounterpart(piece, struct, type)];
    }
  }
}

function aliveCounterpart(
  piece: Piece,
  struct: Y.Item | Y.GC | null,
  type: SharedType,
): Piece | null {
  if (!(struct instanceof Y.Item) || struct.deleted || struct.parent !== type) return null;
  if (struct.parentSub !== null) return null;
  const from = piece.item.id.clock + piece.from - struct.id.clock;
  const counterpart = { item: struct, from, to: from + piece.to - piece.from };
  // Ids agree, and so does content, except for surrogate pairs of which one half was deleted since.
  const isText = struct.content instanceof Y.ContentString;
  return isText && commonUnits(piece, counterpart) < piece.to - piece.from ? null : counterpart;
}

/**
 * Marks of formatting that another of the same key follows before any content. They show nothing, and Yjs' own
 * clean-up removes them when it comes by: what it has removed does not come back.
 */
function supersededMarks(items: readonly Y.Item[]): ReadonlySet<Y.Item> {
  const superseded = new Set<Y.Item>();
  const latest = new Map<string, Y.Item>();
  for (const item of items) {
    if (!(item.content instanceof Y.ContentFormat)) {
      latest.clear();
      continue;
    }
    const { key } = item.content;
    const before = latest.get(key);
    if (before !== undefined) superseded.add(before);
    latest.set(key, item);
  }
  return superseded;
}

/** Walks once over what is alive in a list. */
class ListCursor {
  #item: Y.Item | null;
  #offset = 0;

  constructor(type: SharedType) {
    this.#item = type._start;
  }

  /** What lies before a piece; the cursor moves behind that piece. Null: all that is left. */
  takeUpTo(piece: Piece | null): readonly Piece[] {
    const taken: Piece[] = [];
    const take = (item: Y.Item, to: number): void => {
      if (!item.deleted && this.#offset < to) taken.push({ item, from: this.#offset, to });
    };
    while (this.#item !== null && this.#item !== piece?.item) {
      take(this.#item, this.#item.length);
      this.#item = this.#item.right;
      this.#offset = 0;
    }
    if (piece !== null) {
      if (this.#item === null) throw new Error('the snapshot has another order than the document');
      take(this.#item, piece.from);
      this.#offset = piece.to;
    }
    return taken;
  }
}

/** Adds a piece to those that come back, as one with the last if it continues it. */
function addPiece(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last?.item === piece.item && last.to === piece.from) {
    pieces[pieces.length - 1] = { ...last, to: piece.to };
  } else {
    pieces.push(piece);
  }
}

function insert(transaction: Y.Transaction, { parent, after, key, pieces }: Insertion): void {
  const { store } = transaction.doc;
  let left: Y.Item | null = null;
  // The old value of a key is replaced by the new one, dead or alive.
  if (key !== null) left = parent._map.get(key) ?? null;
  else if (after !== null) left = Y.getItemCleanEnd(transaction, store, after);
  for (const piece of pieces) left = insertPiece(transaction, parent, left, key, piece);
}

function insertPiece(
  transaction: Y.Transaction,
  parent: SharedType,
  left: Y.Item | null,
  key: string | null,
  piece: Piece,
): Y.Item {
  const { clientID, store } = transaction.doc;
  const right = key !== null ? null : left === null ? parent._start : left.right;
  const content = copyContent(piece);
  const item = new Y.Item(
    Y.createID(clientID, Y.getState(store, clientID)),
    left,
    left?.lastId ?? null,
    right,
    right?.id ?? null,
    parent,
    key,
    content,
  );
  item.integrate(transaction, 0);
  if (content instanceof Y.ContentType) {
    fill(transaction, content.type, (piece.item.content as Y.ContentType).type);
  }
  return item;
}

/** Puts into a new type what a type of the snapshot shows. */
function fill(transaction: Y.Transaction, type: SharedType, past: SharedType): void {
  for (const [key, item] of mapItems(past)) {
    insertPiece(transaction, type, null, key, valueOf(item));
  }
  let left: Y.Item | null = null;
  for (const item of listItems(past)) {
    left = insertPiece(transaction, type, left, null, pieceOf(item));
  }
}
