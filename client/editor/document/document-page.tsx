/** The open document: head, notices, the editor for its kind, and a panel beside it. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { CloudOff, LogIn, RotateCw, TriangleAlert } from 'lucide-preact';
import { useApp } from '../app/context.ts';
import { DocumentHead } from './document-head.tsx';
import type { Kind } from './kind.ts';
import { FollowNote } from './people-bar.tsx';
import { closeSentence } from './save-label.ts';
import type { Session } from './session.ts';

export interface PaneProps {
  readonly session: Session;
}

type Pane = ComponentType<PaneProps>;

/** Code comes with the kind of document that needs it. */
const PANES: Readonly<Record<Kind, () => Promise<Pane>>> = {
  rich: async () => (await import('../editors/rich/rich-pane.tsx')).RichPane,
  text: async () => (await import('../editors/text/text-pane.tsx')).TextPane,
};

export function DocumentPage({ session }: PaneProps): JSX.Element {
  const { panel } = useApp();
  return (
    <div class="page" data-panel={panel.value ?? 'none'}>
      <DocumentHead session={session} />
      <main class="sheet">
        <Notice session={session} />
        <Editor session={session} />
        <FollowNote session={session} />
      </main>
      <SidePanel session={session} />
    </div>
  );
}

function Editor({ session }: PaneProps): JSX.Element {
  const kind = session.kind.value;
  const [shown, setShown] = useState<{ kind: Kind; Pane: Pane } | null>(null);
  useEffect(() => {
    if (kind === null) return;
    let isCurrent = true;
    void PANES[kind]().then((Pane) => {
      if (isCurrent) setShown({ kind, Pane });
    });
    return () => {
      isCurrent = false;
    };
  }, [kind]);
  if (session.isOutOfReach.value) return <OutOfReach session={session} />;
  if (kind === null || shown === null || shown.kind !== kind) return <Opening session={session} />;
  return <shown.Pane session={session} key={session.name} />;
}

function Opening({ session }: PaneProps): JSX.Element {
  return (
    <div class="opening" aria-busy="true">
      {session.closed.value === null && (
        <>
          <span class="line-ghost" />
          <span class="line-ghost" />
          <span class="line-ghost" />
          <span class="unseen">Opening…</span>
        </>
      )}
    </div>
  );
}

function OutOfReach({ session }: PaneProps): JSX.Element {
  return (
    <div class="empty" role="alert">
      <CloudOff aria-hidden="true" />
      <h2>Not on this device</h2>
      <p>
        This document was never opened here, and the server cannot be reached. It appears by itself
        when you are back online.
      </p>
      <button type="button" class="button" onClick={() => session.openAnyway()}>
        Start writing anyway
      </button>
    </div>
  );
}

/** Why the server closed for good, and what can be done about it. */
function Notice({ session }: PaneProps): JSX.Element | null {
  const { dialog, toasts } = useApp();
  const closed = session.closed.value;
  if (closed === null) return null;
  const mustSignIn = closed.retry === 'reauthenticate';
  return (
    <div class="notice" role="alert" id="notice">
      <TriangleAlert aria-hidden="true" />
      <p>{mustSignIn ? `You are signed out. ${closeSentence(closed)}` : closeSentence(closed)}</p>
      {mustSignIn ? (
        <button type="button" class="button" onClick={() => (dialog.value = 'sign-in')}>
          <LogIn aria-hidden="true" />
          Sign in
        </button>
      ) : (
        <button type="button" class="button" onClick={() => session.reconnect()}>
          <RotateCw aria-hidden="true" />
          Try again
        </button>
      )}
      {session.kind.value !== null && (
        <button
          type="button"
          class="button quiet"
          onClick={() => {
            navigator.clipboard.writeText(session.text).then(
              () => toasts.show('Text copied'),
              () =>
                toasts.complain(
                  'The browser did not allow copying: select the text, and copy it with the keyboard.',
                ),
            );
          }}
        >
          Copy text
        </button>
      )}
    </div>
  );
}

function SidePanel({ session }: PaneProps): JSX.Element | null {
  const { panel } = useApp();
  const [panes, setPanes] = useState<Readonly<Record<string, Pane>>>({});
  const wanted = panel.value;
  useEffect(() => {
    if (wanted === null || wanted in panes) return;
    const load =
      wanted === 'history'
        ? import('../history/history-panel.tsx').then(({ HistoryPanel }) => HistoryPanel)
        : import('./connection-panel.tsx').then(({ ConnectionPanel }) => ConnectionPanel);
    void load.then((Pane) => setPanes((before) => ({ ...before, [wanted]: Pane })));
  }, [wanted]);
  const Pane = wanted === null ? undefined : panes[wanted];
  const askedFrom = useRef<Element | null>(null);
  useLayoutEffect(() => {
    askedFrom.current = document.activeElement;
  }, [wanted]);
  useEffect(() => {
    if (Pane === undefined) return;
    const { current } = askedFrom;
    // Its code may have come late: whoever has gone on meanwhile is left where they are.
    if (document.activeElement === current) {
      document.querySelector<HTMLElement>('.panel-head button')?.focus();
    }
    return () => {
      if (document.activeElement !== document.body || !(current instanceof HTMLElement)) return;
      current.focus();
      // Where the next panel is asked from, if there is one.
      askedFrom.current = current;
    };
  }, [Pane]);
  return Pane === undefined ? null : <Pane session={session} />;
}
