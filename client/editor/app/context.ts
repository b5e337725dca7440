/** What the parts of the page share; made once, in main.tsx, and handed down. */
import type { Signal } from '@preact/signals';
import { createContext, type Context } from 'preact';
import { useContext } from 'preact/hooks';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import type { Deletions } from '../documents/deletions.ts';
import type { DocumentsApi } from '../documents/documents-api.ts';
import type { Library } from '../documents/library.ts';
import type { Kind } from '../document/kind.ts';
import type { Person } from '../document/people.ts';
import type { Session } from '../document/session.ts';
import type { KeyRing } from './key-ring.ts';
import type { Theme } from './theme.ts';
import type { Toasts } from './toasts.tsx';

export type Panel = 'history' | 'connection' | null;
export type Asked = 'new' | 'share' | 'profile' | 'sign-in' | 'shortcuts' | null;

export interface App {
  readonly api: DocumentsApi;
  readonly library: Library;
  readonly deletions: Deletions;
  readonly keys: KeyRing;
  readonly toasts: Toasts;
  readonly theme: Signal<Theme>;
  readonly person: Signal<Person>;
  /** Null: the address names no document that could exist. */
  readonly session: Signal<Session | null>;
  readonly panel: Signal<Panel>;
  readonly dialog: Signal<Asked>;
  readonly isSidebarOpen: Signal<boolean>;
  /** Goes to a document; `created`: it was made here just now. */
  readonly open: (
    name: DocumentName,
    created?: { readonly kind: Kind; readonly title: string | null },
  ) => void;
  /** After another token was given. */
  readonly signedIn: () => void;
}

const AppContext: Context<App | null> = createContext<App | null>(null);
export const AppProvider: Context<App | null>['Provider'] = AppContext.Provider;

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error('outside of the page');
  return app;
}
