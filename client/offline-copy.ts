/**
 * The document in this browser (y-indexeddb): there before the network is, and after the page is gone. Beside it
 * stands which version was saved on a server, so that a page that opens offline says how much is not, and does not
 * call unsaved what it only shows.
 *
 *     const copy = await OfflineCopy.open('notes', doc);
 *     const provider = new SynclineProvider(url, 'notes', doc, { unsavedChanges: copy.unsavedChanges });
 *     copy.follow(provider);
 *
 * y-indexeddb does not tell when a write fails. What this writes after it goes through the same database, so a disk
 * that is full or a database that is forbidden shows here: `isKept` is then false.
 */
import { ObservableV2 } from 'lib0/observable';
import { clearDocument, IndexeddbPersistence } from 'y-indexeddb';
import * as Y from 'yjs';
import { toBase64Url } from './base64.ts';
import type { SynclineProvider } from './provider.ts';

/** A database that does not open in this time will have to do without us: milliseconds. */
const OPEN_MS_MAX = 8_000;
/** Between two notes of what is saved: milliseconds. */
const NOTE_MS = 150;
const NOTE_KEY = 'syncline';
const NOTHING: Note = { saved: '', unsaved: {} };

export type OfflineCopyEvents = {
  /** Whether changes are kept in this browser; changes when its disk is full, or has space again. */
  kept: (isKept: boolean) => void;
};

/** What is remembered beside the document, by all tabs together. */
interface Note {
  /** Digest of the version (state vector and delete set) of which every change was saved. */
  readonly saved: string;
  /** Unsaved changes, for each replica (client id) that has or had some. */
  readonly unsaved: Readonly<Record<string, number>>;
}

export class OfflineCopy extends ObservableV2<OfflineCopyEvents> {
  /** Changes in it that no server had confirmed when it was opened. */
  readonly unsavedChanges: number;
  readonly #doc: Y.Doc;
  readonly #persistence: IndexeddbPersistence | null;
  /** Whose unsaved changes this document was opened with. */
  readonly #heirOf: readonly string[];
  #isKept: boolean;
  #provider: SynclineProvider | null = null;
  #notedUnsaved = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(doc: Y.Doc, persistence: IndexeddbPersistence | null, note: Note) {
    super();
    this.#doc = doc;
    this.#persistence = persistence;
    this.#isKept = persistence !== null;
    this.#heirOf = Object.keys(note.unsaved);
    this.unsavedChanges = sum(note);
  }

  /**
   * Resolves when `doc` holds what is kept under `name`. Without IndexedDB (or where it is forbidden) nothing is kept,
   * and `isKept` says so.
   */
  static async open(name: string, doc: Y.Doc): Promise<OfflineCopy> {
    if (typeof indexedDB === 'undefined') return new OfflineCopy(doc, null, NOTHING);
    const persistence = new IndexeddbPersistence(name, doc);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), OPEN_MS_MAX);
    });
    const opened = persistence.whenSynced.then(async () => await amend(persistence, null));
    const note = await Promise.race([opened.catch(() => null), late]);
    clearTimeout(timer);
    if (note === null) {
      // A database that cannot be opened cannot be closed either.
      persistence.destroy().catch(() => {});
      return new OfflineCopy(doc, null, NOTHING);
    }
    if (isEmpty(doc)) return new OfflineCopy(doc, persistence, NOTHING);
    // Something that nobody has counted: a page that ended before it could.
    const isKnown = sum(note) > 0 || note.saved === (await digestOf(doc));
    return new OfflineCopy(doc, persistence, isKnown ? note : { ...note, unsaved: { '': 1 } });
  }

  /** Whether changes are kept in this browser. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** From now on what the provider knows to be saved is remembered. */
  follow(provider: SynclineProvider): void {
    if (this.#persistence === null) return;
    this.#provider = provider;
    provider.on('status', this.#plan);
    this.#doc.on('update', this.#plan);
    this.#plan();
  }

  /** Lets go of the document; what is kept stays. */
  async close(): Promise<void> {
    this.#stop();
    await this.#note();
    await this.#persistence?.destroy();
  }

  /** Forgets everything that is kept of the document. */
  async erase(): Promise<void> {
    this.#stop();
    if (this.#persistence === null) return;
    await this.#persistence.destroy();
    await clearDocument(this.#persistence.name);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#doc.off('update', this.#plan);
    this.#provider?.off('status', this.#plan);
  }

  readonly #plan = (): void => {
    const { unsavedChanges } = this.#provider?.status ?? { unsavedChanges: 0 };
    if (this.#notedUnsaved === 0 && unsavedChanges > 0) {
      // Before another tab, which sees the change and not that it is unsaved, calls it saved.
      this.#notedUnsaved = unsavedChanges;
      void this.#note();
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#note();
    }, NOTE_MS);
  };

  async #note(): Promise<void> {
    const provider = this.#provider;
    if (provider === null || this.#persistence === null) return;
    try {
      // Before and after: what comes meanwhile is in the second digest only.
      const digest = isSaved(provider) ? await digestOf(this.#doc) : '';
      const isCurrent =
        digest !== '' && isSaved(provider) && digest === (await digestOf(this.#doc));
      const { unsavedChanges } = provider.status;
      this.#notedUnsaved = unsavedChanges;
      await amend(this.#persistence, (note) => {
        const mine = String(this.#doc.clientID);
        const unsaved = { ...note.unsaved };
        // They are counted as this replica's own.
        for (const replica of this.#heirOf) delete unsaved[replica];
        if (unsavedChanges > 0) unsaved[mine] = unsavedChanges;
        else delete unsaved[mine];
        // Another tab's changes are in this document, too: whether they are saved is for that tab to say.
        const saved = isCurrent && sum({ saved: '', unsaved }) === 0 ? digest : note.saved;
        return { saved, unsaved };
      });
      this.#setKept(true);
    } catch {
      this.#setKept(false);
    }
  }

  #setKept(isKept: boolean): void {
    if (isKept === this.#isKept) return;
    this.#isKept = isKept;
    this.emit('kept', [isKept]);
  }
}

/** Everything made here is on the server, as far as this connection says. */
function isSaved({ status }: SynclineProvider): boolean {
  return status.state === 'saved' && status.unsavedChanges === 0;
}

function isEmpty(doc: Y.Doc): boolean {
  const { clients, pendingStructs, pendingDs } = doc.store;
  return clients.size === 0 && pendingStructs === null && pendingDs === null;
}

async function digestOf(doc: Y.Doc): Promise<string> {
  const version = Y.encodeSnapshot(Y.snapshot(doc));
  return toBase64Url(new Uint8Array(await sha256(version as Uint8Array<ArrayBuffer>)));
}

/** `crypto.subtle` exists in secure contexts only: over plain http the version itself is the digest of it. */
async function sha256(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ArrayBuffer | Uint8Array<ArrayBuffer>> {
  if (typeof crypto === 'undefined' || !('subtle' in crypto)) return bytes;
  return await crypto.subtle.digest('SHA-256', bytes);
}

function sum({ unsaved }: Note): number {
  return Object.values(unsaved).reduce((total, count) => total + count, 0);
}

/** Reads the note, and writes it changed, in one transaction: tabs do it at the same time. */
async function amend(
  { db }: IndexeddbPersistence,
  change: ((note: Note) => Note) | null,
): Promise<Note> {
  if (db === null) throw new Error('the database is not open');
  return await new Promise((resolve, reject) => {
    const transaction = db.transaction(['custom'], change === null ? 'readonly' : 'readwrite');
    const store = transaction.objectStore('custom');
    let note = NOTHING;
    const request: IDBRequest<unknown> = store.get(NOTE_KEY);
    request.addEventListener('success', () => {
      if (isNote(request.result)) note = request.result;
      if (change === null) return;
      note = change(note);
      store.put(note, NOTE_KEY);
    });
    transaction.addEventListener('complete', () => resolve(note));
    transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('aborted')));
  });
}

function isNote(value: unknown): value is Note {
  return typeof value === 'object' && value !== null && 'saved' in value && 'unsaved' in value;
}
