/** The page: documents on the left, one of them open, dialogs and messages above. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { NewDialog } from '../documents/new-dialog.tsx';
import { Sidebar } from '../documents/sidebar.tsx';
import { DocumentPage } from '../document/document-page.tsx';
import { ProfileDialog } from '../document/profile-dialog.tsx';
import { ShareDialog } from '../document/share-dialog.tsx';
import { SignInDialog } from '../document/sign-in-dialog.tsx';
import { useApp, type Asked } from './context.ts';
import { isPageShortcut } from './keys.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { ToastList } from './toasts.tsx';

const DIALOGS: Readonly<Record<Exclude<Asked, null>, () => JSX.Element | null>> = {
  new: NewDialog,
  share: ShareDialog,
  profile: ProfileDialog,
  'sign-in': SignInDialog,
  shortcuts: ShortcutsDialog,
};

export function Shell(): JSX.Element {
  const { session, dialog, toasts, isSidebarOpen } = useApp();
  const open = session.value;
  const Asking = dialog.value === null ? null : DIALOGS[dialog.value];
  useShortcuts();
  return (
    <div class="shell">
      <a class="skip" href="#document" onClick={skip}>
        Skip to the text
      </a>
      <Sidebar />
      {isSidebarOpen.value && (
        <div class="scrim" aria-hidden="true" onClick={() => (isSidebarOpen.value = false)} />
      )}
      {open === null ? <NoDocument /> : <DocumentPage key={open.name} session={open} />}
      {Asking !== null && <Asking />}
      <ToastList toasts={toasts} />
    </div>
  );

  /** Its address would name a document. */
  function skip(event: Event): void {
    event.preventDefault();
    open?.view?.focus();
  }
}

function NoDocument(): JSX.Element {
  const { dialog } = useApp();
  return (
    <main class="sheet">
      <div class="empty" role="alert">
        <h1>No such document</h1>
        <p>The address names no document that could exist. Find one on the left, or make one.</p>
        <button type="button" class="button primary" onClick={() => (dialog.value = 'new')}>
          New document
        </button>
      </div>
    </main>
  );
}

function useShortcuts(): void {
  const { session, panel, dialog, isSidebarOpen } = useApp();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && dialog.value === null) {
        if (session.value?.following.value !== null) session.value?.follow(null);
        else if (panel.value !== null) panel.value = null;
        isSidebarOpen.value = false;
        return;
      }
      if (!isPageShortcut(event)) return;
      // By place on the keyboard: with Alt, the key itself is some other character on many layouts.
      const run = {
        KeyN: () => (dialog.value = 'new'),
        KeyH: () => (panel.value = panel.value === 'history' ? null : 'history'),
        KeyC: () => (panel.value = panel.value === 'connection' ? null : 'connection'),
        KeyS: () => (dialog.value = 'share'),
        KeyT: () => document.querySelector<HTMLElement>('#title')?.focus(),
        Slash: () => (dialog.value = 'shortcuts'),
      }[event.code];
      if (run === undefined || dialog.value !== null) return;
      event.preventDefault();
      run();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}
