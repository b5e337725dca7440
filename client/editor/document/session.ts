/**
 * One open document: its Y.Doc, what this browser keeps of it, its provider, and what the page shows of all that, as
 * signals. Leaving it takes it off the screen at once, and lets go of it when its last change is saved.
 */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import * as Y from 'yjs';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { OfflineCopy, SynclineProvider } from '../../index.ts';
import type { CloseReason, SaveStatus } from '../../index.ts';
import { Rest } from '../../rest.ts';
import { TokenSource } from '../../token-source.ts';
import type { KeyRing } from '../app/key-ring.ts';
import { ConnectionLog } from './connection-log.ts';
import { askDurability, type Durability } from './durability.ts';
import { kindOf, setKind, setTitle, titleOf, watchMeta, type Kind } from './kind.ts';
import type { Person } from './people.ts';
import { isSameRoster, participantsOf, type Participant } from './roster.ts';
import { saveLabel, type SaveLabel } from './save-label.ts';
import type { DocumentView } from './view.ts';

export interface SessionOptions {
  readonly serverUrl: string;
  readonly keys: KeyRing;
  readonly person: Person;
  /** What the page calls saved; undefined: as the node is configured. */
  readonly durability: 'local' | 'replicated' | undefined;
  /** It was made here a moment ago, maybe without a connection: it opens at once, as this. */
  readonly created: { readonly kind: Kind; readonly title: string | null } | null;
}

/** A connection that is not there after this time is news: milliseconds. */
const FRESH_MS = 2_500;
/** Saving takes longer than this only when something is wrong: milliseconds. */
const SLOW_SAVE_MS = 800;
const ASK_EVERY_MS = 2_000;

export class Session {
  readonly name: DocumentName;
  readonly doc: Y.Doc = new Y.Doc();
  readonly log: ConnectionLog = new ConnectionLog();
  readonly rest: Rest;
  /** Null until it is known what the document is. */
  readonly kind: Signal<Kind | null> = signal(null);
  readonly title: Signal<string | null> = signal(null);
  readonly others: Signal<readonly Participant[]> = signal([]);
  /** Whose cursor the page follows. */
  readonly following: Signal<number | null> = signal(null);
  readonly closed: Signal<CloseReason | null> = signal(null);
  readonly node: Signal<Durability | null> = signal(null);
  /** Nothing of it is on this device, and nobody answers. */
  readonly isOutOfReach: Signal<boolean> = signal(false);
  readonly label: ReadonlySignal<SaveLabel>;
  readonly mayWrite: ReadonlySignal<boolean>;
  readonly isEditable: ReadonlySignal<boolean>;

  readonly #options: SessionOptions;
  readonly #status: Signal<SaveStatus>;
  readonly #isFresh: Signal<boolean> = signal(true);
  readonly #isKept: Signal<boolean> = signal(true);
  #provider: SynclineProvider | null = null;
  #copy: OfflineCopy | null = null;
  #view: DocumentView | null = null;
  #hasLeft = false;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  #freshTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: DocumentName, options: SessionOptions) {
    this.name = name;
    this.#options = options;
    this.#status = signal({
      state: 'offline',
      unsavedChanges: 0,
      hasUnsavedChanges: false,
      hasServerAcked: false,
    });
    const token = new TokenSource(() => options.keys.tokenFor(name));
    this.rest = new Rest({
      serverUrl: options.serverUrl,
      documentName: name,
      token,
      fetch: (input, init) => fetch(input, init),
    });
    this.mayWrite = computed(() => {
      if (this.node.value !== null) return this.node.value.access !== 'read';
      const last = options.keys.lastAccess(name);
      // Somebody who was given a token may have been given one to read: a moment's patience.
      if (last === null) return options.keys.tokenFor(name) === null || !this.#isFresh.value;
      return last !== 'read';
    });
    this.label = computed(() =>
      saveLabel({
        status: this.#status.value,
        hasOpened: this.kind.value !== null,
        isFresh: this.#isFresh.value,
        closed: this.closed.value,
        isKept: this.#isKept.value,
        asked: options.durability,
        node: this.node.value,
      }),
    );
    this.isEditable = computed(
      () => this.kind.value !== null && this.mayWrite.value && this.closed.value?.retry !== 'never',
    );
    void this.#open();
  }

  get status(): ReadonlySignal<SaveStatus> {
    return this.#status;
  }

  /** Null until this browser's own copy has been looked at. */
  get provider(): SynclineProvider | null {
    return this.#provider;
  }

  /** What it says, whether or not the server has it. */
  get text(): string {
    return this.#view?.text() ?? '';
  }

  setPerson(person: Person): void {
    this.#provider?.awareness.setLocalStateField('user', { ...person });
  }

  /** Of a document that one only reads, the server would refuse it, and whatever comes after it. */
  rename(title: string): void {
    if (this.isEditable.peek()) setTitle(this.doc, title);
  }

  /** The editor that shows it, when there is one. */
  setView(view: DocumentView | null): void {
    this.#view = view;
    view?.setEditable(this.isEditable.peek());
  }

  get view(): DocumentView | null {
    return this.#view;
  }

  follow(clientId: number | null): void {
    this.following.value = clientId;
    if (clientId !== null) this.#view?.reveal(clientId);
  }

  /** After the server closed it for good, or with another token. */
  reconnect(): void {
    this.closed.value = null;
    this.#provider?.connect();
  }

  /** Opens it though nobody knows what is in it elsewhere; it will be merged. */
  openAnyway(): void {
    this.isOutOfReach.value = false;
    this.#show();
  }

  async refreshNode(): Promise<number | null> {
    const asked = await askDurability(this.rest);
    if (asked === null || this.#hasLeft) return null;
    this.node.value = asked.durability;
    this.#options.keys.noteAccess(this.name, asked.durability.access);
    return asked.roundTripMs;
  }

  leave(): void {
    this.#hasLeft = true;
    clearTimeout(this.#askTimer);
    clearTimeout(this.#freshTimer);
    const provider = this.#provider;
    if (provider === null) return;
    provider.awareness.setLocalState(null);
    const letGo = (): void => {
      void this.#copy?.close().catch(() => {});
      provider.destroy();
      this.doc.destroy();
    };
    // While it waits, the provider keeps asking before the page closes.
    provider.whenSaved().then(letGo, letGo);
  }

  async #open(): Promise<void> {
    const { serverUrl, created, durability, keys } = this.#options;
    const copy = await OfflineCopy.open(copyNameOf(serverUrl, this.name), this.doc);
    if (this.#hasLeft) {
      await copy.close();
      return;
    }
    this.#copy = copy;
    this.#isKept.value = copy.isKept;
    copy.on('kept', (isKept) => {
      this.#isKept.value = isKept;
    });
    const provider = new SynclineProvider(serverUrl, this.name, this.doc, {
      warnOnClose: true,
      connect: false,
      unsavedChanges: copy.unsavedChanges,
      token: () => keys.tokenFor(this.name),
      ...(durability === undefined ? {} : { durability }),
    });
    this.#provider = provider;
    this.#watch(provider);
    copy.follow(provider);
    this.setPerson(this.#options.person);
    if (created !== null && this.doc.store.clients.size === 0) {
      setKind(this.doc, created.kind);
      if (created.title !== null) setTitle(this.doc, created.title);
    }
    // Something is here: it is shown before anybody is asked.
    if (this.doc.store.clients.size > 0) this.#show();
    this.#freshTimer = setTimeout(() => {
      this.#isFresh.value = false;
      this.isOutOfReach.value =
        this.kind.value === null && this.closed.value === null && this.log.transport.value === null;
    }, FRESH_MS);
    provider.connect();
    void this.refreshNode();
  }

  #watch(provider: SynclineProvider): void {
    const { awareness } = provider;
    this.#status.value = provider.status;
    provider.on('status', (status) => {
      this.#status.value = status;
      if (status.state === 'saving') this.#askAfter(SLOW_SAVE_MS);
    });
    provider.on('transport', (transport) => {
      this.log.changed(transport);
      if (transport !== null) void this.refreshNode();
    });
    provider.on('ack', (latencyMs) => this.log.acked(latencyMs));
    provider.on('loaded', () => this.#show());
    provider.on('synced', (isSynced) => {
      if (isSynced) this.#show();
    });
    provider.on('closed', (reason) => {
      this.closed.value = reason;
    });
    awareness.on('change', () => {
      const others = participantsOf(awareness);
      if (!isSameRoster(others, this.others.value)) this.others.value = others;
      const { value: followed } = this.following;
      if (followed === null) return;
      if (others.some(({ clientId }) => clientId === followed)) this.#view?.reveal(followed);
      else this.following.value = null;
    });
    watchMeta(this.doc, () => this.#readMeta());
    // Until there is anything, what comes first may show that it is something else.
    this.doc.on('update', () => {
      if (this.kind.value !== null) this.#readMeta();
    });
  }

  /** What is wrong, while something is. */
  #askAfter(delayMs: number): void {
    clearTimeout(this.#askTimer);
    this.#askTimer = setTimeout(() => {
      if (this.#hasLeft) return;
      const isWrong = this.node.value !== null && this.node.value.store !== 'open';
      if (this.#status.value.state !== 'saving' && !isWrong) return;
      void this.refreshNode().then(() => this.#askAfter(ASK_EVERY_MS));
    }, delayMs);
  }

  /** Only now: who types into a document before it arrived types in front of everything in it. */
  #show(): void {
    if (this.#hasLeft) return;
    this.isOutOfReach.value = false;
    this.#readMeta();
  }

  #readMeta(): void {
    if (this.#hasLeft) return;
    const kind = kindOf(this.doc, this.name);
    if (kind !== this.kind.value) this.kind.value = kind;
    const title = titleOf(this.doc);
    if (title !== this.title.value) this.title.value = title;
  }
}

/** What this browser keeps the document under. */
export function copyNameOf(serverUrl: string, name: DocumentName): string {
  return `syncline:${new URL(serverUrl.replace(/^ws/, 'http')).pathname}:${name}`;
}
