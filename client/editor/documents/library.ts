/**
 * The documents that the page lists: those of the server that one may read, and those that were opened or made in
 * this browser. Titles stand in the documents themselves; they are asked for when a row comes into view or somebody
 * searches, a few at a time, and remembered here so that the list has words at once, and offline.
 */
import { computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { readJson, type Memory } from '../app/storage.ts';
import type { Kind } from '../document/kind.ts';
import { ApiError, type DocumentsApi } from './documents-api.ts';

export interface Entry {
  readonly name: DocumentName;
  /** Null: it has none, or it is not known yet. */
  readonly title: string | null;
  readonly kind: Kind | null;
  readonly openedAtMs: number | null;
  readonly createdAtMs: number | null;
}

interface Known {
  readonly title: string | null;
  readonly kind: Kind | null;
  readonly openedAtMs: number | null;
}

export type LibraryState = 'loading' | 'ready' | 'unreachable' | 'sign-in';

const KEY = 'documents';
/** Newest first; the rest is on the server. */
const KNOWN_MAX = 300;
/** Names that are fetched for searching; more are found by their address. */
const LISTED_MAX = 2_000;
const ASKED_AT_ONCE_MAX = 4;

export class Library {
  readonly state: Signal<LibraryState> = signal('loading');
  readonly search: Signal<string> = signal('');
  readonly entries: ReadonlySignal<readonly Entry[]>;
  /** Those that fit the search, lately opened ones first. */
  readonly found: ReadonlySignal<readonly Entry[]>;

  readonly #api: DocumentsApi;
  readonly #memory: Memory;
  readonly #listed: Signal<ReadonlyMap<DocumentName, number | null>> = signal(new Map());
  readonly #known: Signal<Readonly<Record<string, Known>>>;
  readonly #hidden: Signal<ReadonlySet<DocumentName>> = signal(new Set());
  readonly #asked = new Set<DocumentName>();
  readonly #waiting: DocumentName[] = [];
  #asking = 0;

  constructor(api: DocumentsApi, memory: Memory) {
    this.#api = api;
    this.#memory = memory;
    this.#known = signal(readJson<Record<string, Known>>(memory, KEY, {}));
    this.entries = computed(() => this.#entries());
    effect(() => {
      if (this.search.value.trim() === '') return;
      for (const { name } of this.entries.value.slice(0, KNOWN_MAX)) this.wants(name);
    });
    this.found = computed(() => {
      const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      return this.entries.value.filter(({ name, title }) => {
        const text = `${title ?? ''} ${name}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
    });
  }

  /** Asks the server what there is. */
  async refresh(): Promise<void> {
    const listed = new Map<DocumentName, number | null>();
    let cursor: string | null = null;
    try {
      do {
        const page = await this.#api.list(cursor);
        for (const { name, createdAt } of page.documents) {
          listed.set(name, createdAt === null ? null : Date.parse(createdAt));
        }
        this.#listed.value = new Map(listed);
        this.state.value = 'ready';
        cursor = page.cursor;
      } while (cursor !== null && listed.size < LISTED_MAX);
    } catch (error) {
      const isRefused = error instanceof ApiError && error.code !== null;
      this.state.value = isRefused ? 'sign-in' : 'unreachable';
    }
  }

  /** What the open document says of itself. */
  note(name: DocumentName, title: string | null, kind: Kind | null, isOpened: boolean): void {
    const before = this.#known.value[name];
    const openedAtMs = isOpened ? Date.now() : (before?.openedAtMs ?? null);
    this.#asked.add(name);
    this.#remember({ ...this.#known.value, [name]: { title, kind, openedAtMs } });
  }

  /** A row came into view, or somebody searches: they know its title, and maybe not its name. */
  wants(name: DocumentName): void {
    if (this.#asked.has(name) || this.state.value !== 'ready') return;
    this.#asked.add(name);
    this.#waiting.push(name);
    void this.#ask();
  }

  hide(name: DocumentName): void {
    this.#hidden.value = new Set([...this.#hidden.value, name]);
  }

  unhide(name: DocumentName): void {
    this.#hidden.value = new Set([...this.#hidden.value].filter((hidden) => hidden !== name));
  }

  forget(name: DocumentName): void {
    this.#listed.value = new Map([...this.#listed.value].filter(([listed]) => listed !== name));
    this.#remember(
      Object.fromEntries(Object.entries(this.#known.value).filter(([known]) => known !== name)),
    );
  }

  /** A name that is free as far as anybody knows: what it is called, and something to make it the only one. */
  newName(title: string, ending: string): DocumentName {
    const words = title
      .normalize('NFC')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
      .replaceAll(/^-|-$/g, '')
      .slice(0, 60);
    const mark = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) =>
      (byte % 36).toString(36),
    ).join('');
    const name = parseDocumentName(`${words === '' ? 'document' : words}-${mark}${ending}`);
    if (name === null) throw new Error('a name that is made of letters is none');
    return name;
  }

  async #ask(): Promise<void> {
    if (this.#asking >= ASKED_AT_ONCE_MAX) return;
    const name = this.#waiting.shift();
    if (name === undefined) return;
    this.#asking += 1;
    try {
      const { title, kind } = await this.#api.meta(name);
      this.note(name, title, kind, false);
    } catch {
      // Its name has to do.
    }
    this.#asking -= 1;
    void this.#ask();
  }

  #entries(): readonly Entry[] {
    const known = this.#known.value;
    const opened = Object.keys(known).filter((name) => known[name]?.openedAtMs !== null);
    const names = new Set([...this.#listed.value.keys(), ...(opened as DocumentName[])]);
    return [...names]
      .filter((name) => !this.#hidden.value.has(name))
      .map((name) => ({
        name,
        title: known[name]?.title ?? null,
        kind: known[name]?.kind ?? null,
        openedAtMs: known[name]?.openedAtMs ?? null,
        createdAtMs: this.#listed.value.get(name) ?? null,
      }))
      .toSorted(
        (a, b) =>
          (b.openedAtMs ?? b.createdAtMs ?? 0) - (a.openedAtMs ?? a.createdAtMs ?? 0) ||
          a.name.localeCompare(b.name),
      );
  }

  #remember(known: Readonly<Record<string, Known>>): void {
    const newest = Object.entries(known)
      .toSorted(([, a], [, b]) => (b.openedAtMs ?? 0) - (a.openedAtMs ?? 0))
      .slice(0, KNOWN_MAX);
    this.#known.value = Object.fromEntries(newest);
    this.#memory.write(KEY, JSON.stringify(this.#known.value));
  }
}
