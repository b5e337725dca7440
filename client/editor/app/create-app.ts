/** Builds the parts of the page and follows the address: one document is open at a time. */
import { effect, signal, untracked, type Signal } from '@preact/signals';
import { clearDocument } from 'y-indexeddb';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { ApiError, DocumentsApi } from '../documents/documents-api.ts';
import { Deletions } from '../documents/deletions.ts';
import { Library } from '../documents/library.ts';
import type { Kind } from '../document/kind.ts';
import { loadProfile, saveProfile, type ProfileStorage } from '../document/people.ts';
import { copyNameOf, Session } from '../document/session.ts';
import { durabilityIn, hashOf, nameInHash, serverUrlOf, tokenInHash } from './address.ts';
import type { App, Asked, Panel } from './context.ts';
import { KeyRing } from './key-ring.ts';
import { reasonOf } from './reason.ts';
import { browserMemory } from './storage.ts';
import { createTheme } from './theme.ts';
import { Toasts } from './toasts.tsx';

interface Created {
  readonly name: DocumentName;
  readonly kind: Kind;
  readonly title: string | null;
}

export function createApp(): App {
  const memory = browserMemory();
  const storage = profileStorage();
  const serverUrl = serverUrlOf(location.href);
  const keys = new KeyRing(memory);
  const api = new DocumentsApi(serverUrl, keys);
  const library = new Library(api, memory);
  const toasts = new Toasts();
  const person = signal(loadProfile(storage, Math.random));
  const session: Signal<Session | null> = signal(null);
  const panel: Signal<Panel> = signal(null);
  const dialog: Signal<Asked> = signal(null);
  const isSidebarOpen = signal(false);
  let created: Created | null = null;

  const deletions = new Deletions((name, isLeaving) => api.delete(name, isLeaving), {
    onDone: (name) => {
      library.forget(name);
      // It would come back from here, and be read here. Forbidden storage holds nothing.
      void clearDocument(copyNameOf(serverUrl, name)).catch(() => {});
    },
    onFailed: (name, error) => {
      library.unhide(name);
      // Made here and never sent: there was nothing to delete.
      if (error instanceof ApiError && error.code === 'document-not-found') library.forget(name);
      else toasts.complain(`“${name}” was not deleted: ${reasonOf(error)}`);
    },
  });

  function openAddressed(): void {
    const name = nameInHash(location.hash);
    const token = tokenInHash(location.hash);
    if (name !== null && token !== null) {
      keys.keep(token, name);
      // A token in the address bar is a token in screenshots.
      history.replaceState(null, '', hashOf(name));
    }
    const before = session.peek();
    if (before !== null && before.name === name && token === null) return;
    before?.leave();
    panel.value = null;
    dialog.value = null;
    isSidebarOpen.value = false;
    if (name === null) {
      session.value = null;
      return;
    }
    session.value = new Session(name, {
      serverUrl,
      keys,
      person: person.peek(),
      durability: durabilityIn(location.search),
      created: created?.name === name ? created : null,
    });
    created = null;
  }

  effect(() => {
    saveProfile(storage, person.value);
    session.peek()?.setPerson(person.value);
  });
  effect(() => {
    const open = session.value;
    document.title = `${open === null ? 'No document' : (open.title.value ?? open.name)} · Syncline`;
    if (open === null || open.kind.value === null) return;
    const [title, kind] = [open.title.value, open.kind.value];
    // It reads what it writes.
    untracked(() => library.note(open.name, title, kind, true));
  });
  addEventListener('hashchange', openAddressed);
  openAddressed();
  void library.refresh();

  return {
    api,
    library,
    deletions,
    keys,
    toasts,
    theme: createTheme(memory),
    person,
    session,
    panel,
    dialog,
    isSidebarOpen,
    open(name, made) {
      if (made !== undefined) created = { name, ...made };
      isSidebarOpen.value = false;
      location.hash = hashOf(name);
    },
    signedIn() {
      session.peek()?.reconnect();
      void session.peek()?.refreshNode();
      void library.refresh();
    },
  };
}

/** Reading the property itself throws where storage is forbidden. */
function profileStorage(): ProfileStorage {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
