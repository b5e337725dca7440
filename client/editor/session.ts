/**
 * One open document: its Y.Doc, its provider and its binding to the text field. Leaving it takes it off the
 * screen at once, and lets go of it when its last change is saved.
 */
import * as Y from 'yjs';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { SynclineProvider } from '../index.ts';
import type { CloseReason, SaveStatus } from '../index.ts';
import type { Person } from './people.ts';
import { parsePerson } from './people.ts';
import { TextBinding } from './text-binding.ts';
import type { TextField } from './text-binding.ts';

export interface SessionView {
  /** What the page calls saved; undefined: as the node is configured. */
  readonly durability: 'local' | 'replicated' | undefined;
  /** The save state changed, or the document arrived. */
  showStatus(status: SaveStatus, hasOpened: boolean): void;
  /** Everybody else who is here. */
  showOthers(others: readonly Person[]): void;
  showClosed(reason: CloseReason): void;
}

export class Session {
  readonly #doc = new Y.Doc();
  readonly #text = this.#doc.getText('text');
  readonly #provider: SynclineProvider;
  readonly #view: SessionView;
  readonly #field: TextField;
  #binding: TextBinding | null = null;
  #isOnScreen = true;

  constructor(
    serverUrl: string,
    name: DocumentName,
    field: TextField,
    person: Person,
    view: SessionView,
  ) {
    this.#view = view;
    this.#field = field;
    this.#provider = new SynclineProvider(serverUrl, name, this.#doc, {
      warnOnClose: true,
      ...(view.durability === undefined ? {} : { durability: view.durability }),
    });
    this.#provider.on('status', () => this.#showStatus());
    this.#provider.on('synced', (isSynced) => {
      if (isSynced) this.#open();
    });
    this.#provider.on('loaded', () => this.#open());
    this.#provider.on('closed', (reason) => {
      if (this.#isOnScreen) view.showClosed(reason);
    });
    this.#provider.awareness.on('change', () => this.#showOthers());
    this.setPerson(person);
    this.#showStatus();
    this.#showOthers();
  }

  /** What the document says, whether or not the server has it. */
  get text(): string {
    return this.#text.toJSON();
  }

  setPerson(person: Person): void {
    this.#provider.awareness.setLocalStateField('user', person);
  }

  /** After the server closed it for good. */
  reconnect(): void {
    this.#provider.connect();
  }

  leave(): void {
    this.#isOnScreen = false;
    this.#binding?.destroy();
    this.#provider.awareness.setLocalState(null);
    const letGo = (): void => {
      this.#provider.destroy();
      this.#doc.destroy();
    };
    // While it waits, the provider keeps asking before the page closes.
    this.#provider.whenSaved().then(letGo, letGo);
  }

  /** Only now: who types into a document before it arrived types in front of everything in it. */
  #open(): void {
    if (!this.#isOnScreen) return;
    this.#binding ??= new TextBinding(this.#text, this.#field);
    this.#showStatus();
  }

  #showStatus(): void {
    if (this.#isOnScreen) this.#view.showStatus(this.#provider.status, this.#binding !== null);
  }

  #showOthers(): void {
    if (!this.#isOnScreen) return;
    const { awareness } = this.#provider;
    const others: Person[] = [];
    for (const [client, state] of awareness.getStates()) {
      const person = client === awareness.clientID ? null : parsePerson(state);
      if (person !== null) others.push(person);
    }
    this.#view.showOthers(others);
  }
}
