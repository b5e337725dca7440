/** Above the document: its title, its status, who is here, and what can be done. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import {
  Activity,
  Eye,
  History,
  Keyboard,
  Menu as MenuIcon,
  Moon,
  Share2,
  Sun,
} from 'lucide-preact';
import { useApp, type Panel } from '../app/context.ts';
import { Menu } from '../app/menu.tsx';
import { THEMES, type Theme } from '../app/theme.ts';
import { TITLE_LENGTH_MAX } from './kind.ts';
import { PeopleBar } from './people-bar.tsx';
import { SaveStatus } from './save-status.tsx';
import type { Session } from './session.ts';

const THEME_WORDS: Readonly<Record<Theme, string>> = {
  system: 'As the system is',
  light: 'Light',
  dark: 'Dark',
};

export function DocumentHead({ session }: { readonly session: Session }): JSX.Element {
  const { isSidebarOpen, dialog } = useApp();
  return (
    <header class="head">
      <button
        type="button"
        class="icon-button only-narrow"
        aria-label="Documents"
        aria-expanded={isSidebarOpen.value}
        onClick={() => (isSidebarOpen.value = true)}
      >
        <MenuIcon aria-hidden="true" />
      </button>
      <TitleField session={session} />
      <SaveStatus session={session} />
      {!session.mayWrite.value && (
        <span class="chip" id="read-only" title="The link that you have lets you read, not write">
          <Eye aria-hidden="true" />
          View only
        </span>
      )}
      <PeopleBar session={session} />
      <div class="head-actions">
        <button
          type="button"
          class="button"
          id="share"
          aria-label="Share"
          onClick={() => (dialog.value = 'share')}
        >
          <Share2 aria-hidden="true" />
          <span>Share</span>
        </button>
        <PanelButton panel="history" label="History" icon={<History aria-hidden="true" />} />
        <PanelButton panel="connection" label="Connection" icon={<Activity aria-hidden="true" />} />
        <MoreMenu />
      </div>
    </header>
  );
}

function TitleField({ session }: { readonly session: Session }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const shown = session.title.value ?? session.name;
  useEffect(() => {
    const { current } = input;
    if (current !== null && document.activeElement !== current) current.value = shown;
  }, [shown]);
  const save = (): void => {
    const typed = input.current?.value.trim() ?? '';
    if (typed !== '' && typed !== shown) session.rename(typed);
    else if (input.current !== null) input.current.value = shown;
  };
  return (
    <h1 class="title">
      <input
        ref={input}
        id="title"
        aria-label="Title"
        defaultValue={shown}
        title={session.name}
        maxLength={TITLE_LENGTH_MAX}
        spellcheck={false}
        readOnly={!session.isEditable.value}
        enterkeyhint="done"
        onBlur={save}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key === 'Enter') {
            save();
            session.view?.focus();
          } else if (event.key === 'Escape') {
            event.currentTarget.value = shown;
            session.view?.focus();
          }
        }}
      />
    </h1>
  );
}

function PanelButton(props: {
  readonly panel: Exclude<Panel, null>;
  readonly label: string;
  readonly icon: JSX.Element;
}): JSX.Element {
  const { panel } = useApp();
  const isOpen = panel.value === props.panel;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={isOpen}
      onClick={() => (panel.value = isOpen ? null : props.panel)}
    >
      {props.icon}
    </button>
  );
}

function MoreMenu(): JSX.Element {
  const { theme, dialog } = useApp();
  return (
    <Menu
      label="Appearance and help"
      icon={theme.value === 'dark' ? <Moon aria-hidden="true" /> : <Sun aria-hidden="true" />}
      items={[
        ...THEMES.map((value) => ({
          label: THEME_WORDS[value],
          isChecked: theme.value === value,
          run: () => (theme.value = value),
        })),
        {
          label: 'Keyboard shortcuts',
          icon: <Keyboard aria-hidden="true" />,
          run: () => (dialog.value = 'shortcuts'),
        },
      ]}
    />
  );
}
