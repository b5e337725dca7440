/** The list of documents: search, create, and what can be done with each. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { CloudOff, FilePlus2, LogIn, PanelLeftClose, Search } from 'lucide-preact';
import { parseDocumentName } from '../../../server/protocol/document-name.ts';
import { useApp } from '../app/context.ts';
import { isMod, isPageShortcut, keyWords } from '../app/keys.ts';
import { DocumentRow } from './document-row.tsx';

/** More rows than these come with "show more": a list of thousands is searched, not read. */
const ROWS = 60;

export function Sidebar(): JSX.Element {
  const { library, isSidebarOpen, dialog } = useApp();
  const [limit, setLimit] = useState(ROWS);
  const found = library.found.value;
  const root = useRef<HTMLElement>(null);
  // At once: what is hidden loses the focus with the next frame.
  useLayoutEffect(() => {
    const { current } = root;
    const before = document.activeElement;
    if (!isSidebarOpen.value || current === null) return;
    if (!current.contains(before)) current.querySelector<HTMLElement>('.only-narrow')?.focus();
    return () => {
      if (before instanceof HTMLElement && current.contains(document.activeElement)) before.focus();
    };
  }, [isSidebarOpen.value]);
  return (
    <nav ref={root} class="sidebar" aria-label="Documents" data-open={isSidebarOpen.value}>
      <div class="sidebar-head">
        <a class="brand" href="#">
          <img src="./icon.svg" alt="" width="26" height="26" />
          <span>Syncline</span>
        </a>
        <button
          type="button"
          class="icon-button only-narrow"
          aria-label="Close the list of documents"
          onClick={() => {
            isSidebarOpen.value = false;
          }}
        >
          <PanelLeftClose aria-hidden="true" />
        </button>
      </div>
      <button type="button" class="button primary wide" onClick={() => (dialog.value = 'new')}>
        <FilePlus2 aria-hidden="true" />
        New document
      </button>
      <SearchField />
      <ul class="documents" aria-label="Documents">
        {found.slice(0, limit).map((entry) => (
          <DocumentRow key={entry.name} entry={entry} />
        ))}
      </ul>
      {found.length > limit && (
        <button type="button" class="button quiet" onClick={() => setLimit(limit + ROWS)}>
          Show more ({found.length - limit})
        </button>
      )}
      <Emptiness />
      <SidebarNote />
    </nav>
  );
}

function SearchField(): JSX.Element {
  const { library, open, isSidebarOpen } = useApp();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      // Rich text makes links with Ctrl K, and then this does not hear of it.
      const isAsked = event.code === 'KeyK' && (isPageShortcut(event) || isMod(event));
      const { current } = input;
      if (!isAsked || current === null || document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      current.focus();
      current.select();
      if (document.activeElement === current) return;
      // The list is out of sight, and cannot be focused before it is drawn.
      isSidebarOpen.value = true;
      requestAnimationFrame(() => current.focus());
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const first = library.found.value[0];
        const typed = parseDocumentName(library.search.value.trim().normalize('NFC'));
        const name = first?.name ?? typed;
        if (name !== null) open(name);
        library.search.value = '';
      }}
    >
      <Search aria-hidden="true" />
      <input
        ref={input}
        type="search"
        placeholder="Find a document"
        aria-label="Find a document"
        title={keyWords('Page K')}
        spellcheck={false}
        value={library.search.value}
        onInput={(event) => {
          library.search.value = event.currentTarget.value;
        }}
      />
      <kbd aria-hidden="true">{keyWords('Page K')}</kbd>
    </form>
  );
}

function Emptiness(): JSX.Element | null {
  const { library, open } = useApp();
  const search = library.search.value.trim();
  if (library.found.value.length > 0) return null;
  if (search === '') {
    return library.state.value === 'loading' ? null : (
      <p class="hint">No documents yet. The one that you open or make appears here.</p>
    );
  }
  const name = parseDocumentName(search.normalize('NFC'));
  return (
    <div class="hint">
      <p>Nothing is called “{search}”.</p>
      {name !== null && (
        <button type="button" class="button" onClick={() => open(name)}>
          Open “{name}” anyway
        </button>
      )}
    </div>
  );
}

function SidebarNote(): JSX.Element | null {
  const { library, dialog } = useApp();
  if (library.state.value === 'unreachable') {
    return (
      <p class="sidebar-note">
        <CloudOff aria-hidden="true" />
        Offline: these are on this device.
      </p>
    );
  }
  if (library.state.value !== 'sign-in') return null;
  return (
    <button type="button" class="button quiet" onClick={() => (dialog.value = 'sign-in')}>
      <LogIn aria-hidden="true" />
      Sign in to see all
    </button>
  );
}
