/** One document of the list: its title, when it was last here, and a menu. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Copy, Ellipsis, FileCode2, FileText, Pencil, Trash2 } from 'lucide-preact';
import { hashOf } from '../app/address.ts';
import { useApp } from '../app/context.ts';
import { Menu } from '../app/menu.tsx';
import { reasonOf } from '../app/reason.ts';
import { kindOfName, TITLE_LENGTH_MAX } from '../document/kind.ts';
import { ago } from './ago.ts';
import type { Entry } from './library.ts';

export function DocumentRow({ entry }: { readonly entry: Entry }): JSX.Element {
  const { library, session } = useApp();
  const [isRenaming, setRenaming] = useState(false);
  const isDoneByKey = useRef(false);
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
  useEffect(() => {
    if (isRenaming || !isDoneByKey.current) return;
    isDoneByKey.current = false;
    row.current?.querySelector('a')?.focus();
  }, [isRenaming]);
  const isCurrent = session.value?.name === name;
  const atMs = openedAtMs ?? createdAtMs;
  const Icon = (kind ?? kindOfName(name)) === 'rich' ? FileText : FileCode2;
  if (isRenaming) {
    return (
      <li ref={row}>
        <RenameForm
          entry={entry}
          onDone={(isByKey) => {
            isDoneByKey.current = isByKey;
            setRenaming(false);
          }}
        />
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
  const { api, keys, library, deletions, toasts, session, open } = useApp();
  const { name, title } = props.entry;
  const words = title ?? name;
  // What would be refused is not offered, as far as anybody knows here.
  const isOpen = session.value?.name === name;
  const access = (isOpen ? session.value?.node.value?.access : null) ?? keys.lastAccess(name);
  const copy = async (): Promise<void> => {
    const to = library.newName(words, /\.[a-z]+$/i.exec(name)?.[0] ?? '');
    try {
      await api.copy(name, to);
      await api.rename(to, `Copy of ${words}`);
      void library.refresh();
      open(to);
    } catch (error) {
      toasts.complain(`“${words}” was not copied: ${reasonOf(error)}`);
    }
  };
  const remove = (): void => {
    library.hide(name);
    deletions.plan(name);
    const wasOpen = session.value?.name === name;
    if (wasOpen) {
      const next = library.entries.value[0];
      if (next === undefined) location.hash = '';
      else open(next.name);
    }
    const undo = (): void => {
      if (!deletions.undo(name)) return;
      library.unhide(name);
      if (wasOpen) open(name);
    };
    toasts.show(`“${words}” deleted`, { label: 'Undo', run: undo }, () => deletions.settle(name));
  };
  return (
    <Menu
      label={`Actions for ${words}`}
      icon={<Ellipsis aria-hidden="true" />}
      class="row-menu"
      items={[
        ...(access === 'read'
          ? []
          : [{ label: 'Rename', icon: <Pencil aria-hidden="true" />, run: props.onRename }]),
        { label: 'Make a copy', icon: <Copy aria-hidden="true" />, run: () => void copy() },
        ...(access === 'admin' || access === null
          ? [
              {
                label: 'Delete',
                icon: <Trash2 aria-hidden="true" />,
                run: remove,
                isDangerous: true,
              },
            ]
          : []),
      ]}
    />
  );
}

function RenameForm(props: {
  readonly entry: Entry;
  readonly onDone: (isByKey: boolean) => void;
}): JSX.Element {
  const { api, library, toasts, session } = useApp();
  const { name, title, kind } = props.entry;
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  // Before anything is typed into it.
  useLayoutEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);
  const done = (isByKey: boolean): void => {
    // What is taken away loses the focus, too: once is enough.
    isDone.current = true;
    props.onDone(isByKey);
  };
  const save = (isByKey: boolean): void => {
    if (isDone.current) return;
    const typed = input.current?.value.trim() ?? '';
    done(isByKey);
    if (typed === '' || typed === (title ?? name)) return;
    const open = session.value;
    if (open?.name === name) open.rename(typed);
    else {
      api.rename(name, typed).then(
        () => library.note(name, typed, kind, false),
        (error: unknown) =>
          toasts.complain(`“${title ?? name}” was not renamed: ${reasonOf(error)}`),
      );
    }
  };
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault();
        save(true);
      }}
    >
      <input
        ref={input}
        aria-label="New title"
        defaultValue={title ?? name}
        maxLength={TITLE_LENGTH_MAX}
        onBlur={() => save(false)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          done(true);
        }}
      />
    </form>
  );
}
