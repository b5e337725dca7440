/** One document of the list: its title, when it was last here, and a menu. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Copy, Ellipsis, FileCode2, FileText, Pencil, Trash2 } from 'lucide-preact';
import { hashOf } from '../app/address.ts';
import { useApp } from '../app/context.ts';
import { Menu } from '../app/menu.tsx';
import { reasonOf } from '../app/reason.ts';
import { kindOfName, setTitle, TITLE_LENGTH_MAX } from '../document/kind.ts';
import { ago } from './ago.ts';
import type { Entry } from './library.ts';

export function DocumentRow({ entry }: { readonly entry: Entry }): JSX.Element {
  const { library, session } = useApp();
  const [isRenaming, setRenaming] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const { name, title, kind, openedAtMs, createdAtMs } = entry;
  useEffect(() => {
    const { current } = row;
    if (current === null) return;
    const observer = new IntersectionObserver((seen) => {
      if (seen.some(({ isIntersecting }) => isIntersecting)) library.wants(name);
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, [name, library.state.value]);
  const isCurrent = session.value?.name === name;
  const atMs = openedAtMs ?? createdAtMs;
  const Icon = (kind ?? kindOfName(name)) === 'rich' ? FileText : FileCode2;
  if (isRenaming) {
    return (
      <li ref={row}>
        <RenameForm entry={entry} onDone={() => setRenaming(false)} />
      </li>
    );
  }
  return (
    <li ref={row} class="document" data-current={isCurrent}>
      <a href={hashOf(name)} aria-current={isCurrent ? 'page' : undefined} title={name}>
        <Icon aria-hidden="true" />
        <span class="document-words">
          <span class="document-title">{title ?? name}</span>
          {atMs !== null && <span class="document-time">{ago(atMs, Date.now())}</span>}
        </span>
      </a>
      <RowMenu entry={entry} onRename={() => setRenaming(true)} />
    </li>
  );
}

function RowMenu(props: { readonly entry: Entry; readonly onRename: () => void }): JSX.Element {
  const { api, library, deletions, toasts, session, open } = useApp();
  const { name, title } = props.entry;
  const words = title ?? name;
  const copy = async (): Promise<void> => {
    const to = library.newName(words, /\.[a-z]+$/i.exec(name)?.[0] ?? '');
    try {
      await api.copy(name, to);
      await api.rename(to, `Copy of ${words}`);
      void library.refresh();
      open(to);
    } catch (error) {
      toasts.show(`“${words}” was not copied: ${reasonOf(error)}`);
    }
  };
  const remove = (): void => {
    library.hide(name);
    deletions.plan(name);
    if (session.value?.name === name) {
      const next = library.entries.value[0];
      if (next === undefined) location.hash = '';
      else open(next.name);
    }
    toasts.show(`“${words}” deleted`, {
      label: 'Undo',
      run: () => {
        if (deletions.undo(name)) library.unhide(name);
      },
    });
  };
  return (
    <Menu
      label={`Actions for ${words}`}
      icon={<Ellipsis aria-hidden="true" />}
      class="row-menu"
      items={[
        { label: 'Rename', icon: <Pencil aria-hidden="true" />, run: props.onRename },
        { label: 'Make a copy', icon: <Copy aria-hidden="true" />, run: () => void copy() },
        {
          label: 'Delete',
          icon: <Trash2 aria-hidden="true" />,
          run: remove,
          isDangerous: true,
        },
      ]}
    />
  );
}

function RenameForm(props: { readonly entry: Entry; readonly onDone: () => void }): JSX.Element {
  const { api, library, toasts, session } = useApp();
  const { name, title, kind } = props.entry;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  const save = (): void => {
    const typed = input.current?.value.trim() ?? '';
    props.onDone();
    if (typed === '' || typed === (title ?? name)) return;
    const open = session.value;
    if (open?.name === name) setTitle(open.doc, typed);
    else {
      api.rename(name, typed).then(
        () => library.note(name, typed, kind, false),
        (error: unknown) => toasts.show(`“${title ?? name}” was not renamed: ${reasonOf(error)}`),
      );
    }
  };
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <input
        ref={input}
        aria-label="New title"
        defaultValue={title ?? name}
        maxLength={TITLE_LENGTH_MAX}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === 'Escape') props.onDone();
        }}
      />
    </form>
  );
}
