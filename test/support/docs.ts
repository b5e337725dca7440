/**
 * Real Yjs documents for tests: what a `Y.Doc` knows as a `Version`, whether it is whole, and a crowd of
 * honest clients that edit everything Yjs offers, go offline and come back.
 */
import * as Y from 'yjs';
import { scan } from '../../server/rooms/updates/scan.ts';
import { Version } from '../../server/rooms/updates/version.ts';
import { seededRandom, type Random } from './random.ts';

export function versionOf(doc: Y.Doc): Version {
  const { sv, ds } = Y.snapshot(doc);
  const deletes = new Map<number, readonly number[]>();
  for (const [client, items] of ds.clients) {
    deletes.set(
      client,
      items.flatMap(({ clock, len }) => [clock, clock + len]),
    );
  }
  return new Version(sv, deletes);
}

/** The same with all that a server would know which has read nothing but the document's state. */
export function serverVersionOf(doc: Y.Doc): Version {
  const version = new Version();
  const scanned = scan(Y.encodeStateAsUpdate(doc), 'stored');
  if (!scanned.isValid) throw new Error(`a document's state is ${scanned.code}`);
  version.apply(scanned.summary);
  return version;
}

export function isWhole(doc: Y.Doc): boolean {
  return doc.store.pendingStructs === null && doc.store.pendingDs === null;
}

/** A fresh `gc: true` document with these updates, applied one by one. */
export function load(updates: Iterable<Uint8Array>): Y.Doc {
  const doc = new Y.Doc({ gc: true, guid: 'replica' });
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

/**
 * The same without the clean-up that YText makes after remote changes: it deletes superfluous formatting, which
 * no update says.
 */
export function loadQuietly(updates: Iterable<Uint8Array>): Y.Doc {
  const doc = new Y.Doc({ gc: true, guid: 'replica' });
  for (const update of updates) applyQuietly(doc, update);
  return doc;
}

export function applyQuietly(doc: Y.Doc, update: Uint8Array): void {
  doc.transact((transaction) => {
    try {
      Y.applyUpdate(doc, update);
    } finally {
      transaction.local = true;
    }
  });
}

/** Bytes that are the same for every replica with the same content. */
export function canonical(doc: Y.Doc): Uint8Array {
  return Y.encodeStateAsUpdate(loadQuietly([Y.encodeStateAsUpdate(doc)]));
}

export interface HonestUpdate {
  /** Index of the client that sent it. */
  readonly client: number;
  readonly update: Uint8Array;
}

/** One editor: a document, an undo stack, and the updates that it has made since it was last asked. */
export class Editor {
  readonly doc: Y.Doc;
  readonly #undo: Y.UndoManager;
  #made: Uint8Array[] = [];

  constructor(clientId: number, gc: boolean) {
    this.doc = new Y.Doc({ gc, guid: 'editor' });
    this.doc.clientID = clientId;
    this.#undo = new Y.UndoManager(
      [
        this.doc.getText('text'),
        this.doc.getMap('map'),
        this.doc.getArray('list'),
        this.doc.getXmlFragment('xml'),
      ],
      { captureTimeout: 0 },
    );
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') this.#made.push(update);
    });
  }

  take(): readonly Uint8Array[] {
    const made = this.#made;
    this.#made = [];
    return made;
  }

  receive(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, 'remote');
  }

  /** Makes one edit of a random kind. */
  edit(random: Random): void {
    const kind = random.below(EDITS.length + 1);
    const edit = EDITS[kind];
    if (edit === undefined) {
      if (random.oneIn(3)) this.#undo.redo();
      else this.#undo.undo();
      return;
    }
    this.doc.transact(() => {
      edit(this.doc, random);
      // Now and then several edits in one transaction, as a paste or a command makes them.
      while (random.oneIn(6)) random.pick(EDITS)(this.doc, random);
    });
  }
}

const WORDS = ['a', 'bc', 'äö', '日本', '😀x', ' ', '\n', 'lorem ipsum'] as const;
const KEYS = ['k0', 'k1', 'k2', 'ключ'] as const;
const VALUES = [null, true, 7, -1, 2.5, 2 ** 40, 'wört', [1, ['x']], { a: { b: 1 } }] as const;
const FORMATS = [
  { bold: true },
  { bold: null },
  { color: '#f00' },
  { link: { href: 'x' } },
] as const;

type Edit = (doc: Y.Doc, random: Random) => void;

const insertText: Edit = (doc, random) => {
  const text = doc.getText('text');
  text.insert(random.below(text.length + 1), random.pick(WORDS));
};

const EDITS: readonly Edit[] = [
  insertText,
  insertText,
  insertText,
  (doc, random) => {
    const text = doc.getText('text');
    const at = random.below(text.length + 1);
    text.delete(at, Math.min(random.below(4), text.length - at));
  },
  (doc, random) => {
    const text = doc.getText('text');
    const at = random.below(text.length + 1);
    text.format(at, Math.min(1 + random.below(5), text.length - at), random.pick(FORMATS));
  },
  (doc, random) => {
    const text = doc.getText('text');
    text.insertEmbed(random.below(text.length + 1), { image: `${random.below(9)}.png` });
  },
  (doc, random) => {
    doc.getMap('map').set(random.pick(KEYS), random.pick(VALUES));
  },
  (doc, random) => {
    doc.getMap('map').delete(random.pick(KEYS));
  },
  (doc, random) => {
    doc.getMap('map').set(random.pick(KEYS), nested(random, 0));
  },
  (doc, random) => {
    // Old values of one key, all in a row: Yjs merges them to one struct.
    const key = random.pick(KEYS);
    for (let sets = 2 + random.below(4); sets > 0; sets--) {
      if (random.oneIn(6)) doc.getMap('map').delete(key);
      else doc.getMap('map').set(key, random.pick(VALUES));
    }
  },
  (doc, random) => {
    const value = random.oneIn(2)
      ? new Uint8Array([1, 2, 3])
      : new Y.Doc({ guid: `sub${random.below(4)}` });
    doc.getMap('map').set(random.pick(KEYS), value);
  },
  (doc, random) => {
    const list = doc.getArray('list');
    list.insert(random.below(list.length + 1), [random.pick(VALUES), { odd: undefined }]);
  },
  (doc, random) => {
    const list = doc.getArray('list');
    list.insert(random.below(list.length + 1), [nested(random, 0)]);
  },
  (doc, random) => {
    const list = doc.getArray('list');
    const at = random.below(list.length + 1);
    list.delete(at, Math.min(random.below(3), list.length - at));
  },
  (doc, random) => {
    editNested(doc.getArray('list').toArray(), random);
    editNested([...doc.getMap('map').values()], random);
  },
  (doc, random) => {
    const list = doc.getArray('list');
    list.insert(0, [
      random.oneIn(2) ? new Uint8Array([1, 2, 3]) : new Y.Doc({ guid: `sub${random.below(4)}` }),
    ]);
  },
  (doc, random) => {
    const fragment = doc.getXmlFragment('xml');
    const element = new Y.XmlElement(random.pick(['p', 'h1']));
    element.setAttribute('id', `${random.below(9)}`);
    const text = new Y.XmlText(random.pick(WORDS));
    text.setAttribute('lang', random.pick(WORDS));
    const inner = new Y.XmlElement('em');
    inner.setAttribute('id', random.pick(WORDS));
    element.insert(0, random.oneIn(2) ? [text, inner] : [text]);
    fragment.insert(random.below(fragment.length + 1), [element]);
  },
  (doc, random) => {
    const fragment = doc.getXmlFragment('xml');
    if (fragment.length === 0) return;
    const at = random.below(fragment.length);
    const element = fragment.get(at);
    if (random.oneIn(3)) fragment.delete(at, 1);
    else if (element instanceof Y.XmlElement) editElement(element, random);
  },
];

function editElement(element: Y.XmlElement, random: Random): void {
  switch (random.below(4)) {
    case 0:
      element.removeAttribute(random.pick(['class', 'id']));
      return;
    case 1:
      for (let sets = 2 + random.below(3); sets > 0; sets--)
        element.setAttribute('class', random.pick(WORDS));
      return;
    case 2: {
      const text = element.firstChild;
      if (text instanceof Y.XmlText) text.insert(random.below(text.length + 1), random.pick(WORDS));
      return;
    }
    default:
      element.setAttribute('class', random.pick(WORDS));
  }
}

function nested(random: Random, depth: number): unknown {
  switch (random.below(depth > 2 ? 2 : 4)) {
    case 0: {
      const text = new Y.Text(random.pick(WORDS));
      text.format(0, 1, { bold: true });
      return text;
    }
    case 1:
      return Y.Array.from([1, 'x', random.below(9)]);
    case 2:
      return new Y.Map([['inner', nested(random, depth + 1)]]);
    default:
      return Y.Array.from([nested(random, depth + 1) as Y.Text]);
  }
}

function editNested(values: readonly unknown[], random: Random): void {
  for (const value of values) {
    if (random.oneIn(2)) continue;
    if (value instanceof Y.Text) {
      value.insert(random.below(value.length + 1), random.pick(WORDS));
      if (value.length > 1) value.format(0, 1 + random.below(value.length), random.pick(FORMATS));
      if (value.length > 2) value.delete(random.below(value.length - 1), 1);
    } else if (value instanceof Y.Map) {
      if (random.oneIn(4)) value.delete(random.pick(KEYS));
      else value.set(random.pick(KEYS), random.oneIn(4) ? nested(random, 2) : random.pick(VALUES));
    } else if (value instanceof Y.Array) {
      if (random.oneIn(2)) value.push([random.below(9)]);
      else if (value.length > 0) value.delete(0, 1);
    }
  }
}

/**
 * Several editors at work, syncing now and then, some of them garbage collecting and some not. Gives the updates
 * in an order in which a server could receive them: what an update depends on comes before it.
 */
export function honestCrowd(seed: number, edits: number, clients = 3): readonly HonestUpdate[] {
  const random = seededRandom(seed);
  const editors = Array.from(
    { length: clients },
    (_, client) => new Editor(Math.imul(seed + client + 1, 0x9e37_79b1) >>> 0, !random.oneIn(4)),
  );
  const sent: HonestUpdate[] = [];
  /** How many of `sent` each editor has received. */
  const received = editors.map(() => 0);
  const outbox = editors.map((): Uint8Array[] => []);

  const sync = (client: number): void => {
    const editor = editors[client] as Editor;
    for (const { client: author, update } of sent.slice(received[client])) {
      if (author !== client) editor.receive(update);
    }
    for (const update of flush(outbox[client] as Uint8Array[], random))
      sent.push({ client, update });
    outbox[client] = [];
    received[client] = sent.length;
  };

  for (let edit = 0; edit < edits; edit++) {
    const client = random.below(clients);
    const editor = editors[client] as Editor;
    editor.edit(random);
    (outbox[client] as Uint8Array[]).push(...editor.take());
    if (random.oneIn(3)) sync(client);
  }
  for (const client of editors.keys()) sync(client);
  return sent;
}

/** Work done offline: as it was made, merged into one, or a few at a time. */
function flush(updates: readonly Uint8Array[], random: Random): readonly Uint8Array[] {
  if (updates.length < 2 || random.oneIn(2)) return updates;
  const middle = 1 + random.below(updates.length - 1);
  return random.oneIn(2)
    ? [Y.mergeUpdates([...updates])]
    : [Y.mergeUpdates(updates.slice(0, middle)), Y.mergeUpdates(updates.slice(middle))];
}
