/** Versions on a timeline: keep one, look at one, compare it with now, bring it back. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Bookmark } from 'lucide-preact';
import { useApp } from '../app/context.ts';
import { reasonOf } from '../app/reason.ts';
import { Panel } from '../app/side-panel.tsx';
import type { PaneProps } from '../document/document-page.tsx';
import { Snapshots, type Snapshot } from './snapshots.ts';
import { VersionDialog } from './version-dialog.tsx';

const LABEL_LENGTH_MAX = 200;

export function HistoryPanel({ session }: PaneProps): JSX.Element {
  const { toasts } = useApp();
  const snapshots = useMemo(() => new Snapshots(session.rest), [session]);
  const [list, setList] = useState<readonly Snapshot[] | null>(null);
  const [problem, setProblem] = useState('');
  const [label, setLabel] = useState('');
  const [chosen, setChosen] = useState<Snapshot | null>(null);
  const refresh = async (): Promise<void> => {
    try {
      setList(await snapshots.list());
      setProblem('');
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  useEffect(() => void refresh(), [snapshots]);
  const keep = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      // What is on its way belongs to the version that one asks for.
      await session.provider?.whenSaved();
      await snapshots.keep(label.trim() === '' ? null : label.trim());
      setLabel('');
      await refresh();
    } catch (error) {
      toasts.complain(`The version was not kept: ${reasonOf(error)}`);
    }
  };
  return (
    <Panel title="History">
      <div class="panel-body">
        {session.isEditable.value && (
          <form class="keep" onSubmit={(event) => void keep(event)}>
            <input
              aria-label="What to call this version"
              placeholder="What is this version?"
              maxLength={LABEL_LENGTH_MAX}
              value={label}
              onInput={(event) => setLabel(event.currentTarget.value)}
            />
            <button type="submit" class="button primary">
              <Bookmark aria-hidden="true" />
              Keep
            </button>
          </form>
        )}
        {problem !== '' && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {list?.length === 0 && (
          <p class="hint">
            No versions are kept yet. Keep one before a big change: you can compare with it, and go
            back to it, whoever has edited meanwhile.
          </p>
        )}
        <Timeline list={list ?? []} onChoose={setChosen} />
      </div>
      {chosen !== null && (
        <VersionDialog
          session={session}
          snapshots={snapshots}
          snapshot={chosen}
          onClose={() => setChosen(null)}
        />
      )}
    </Panel>
  );
}

function Timeline(props: {
  readonly list: readonly Snapshot[];
  readonly onChoose: (snapshot: Snapshot) => void;
}): JSX.Element {
  const days = new Map<string, Snapshot[]>();
  for (const snapshot of props.list) {
    const day = dayOf(snapshot);
    days.set(day, [...(days.get(day) ?? []), snapshot]);
  }
  return (
    <>
      {[...days].map(([day, snapshots]) => (
        <section key={day}>
          <h3>{day}</h3>
          <ol class="timeline">
            {snapshots.map((snapshot) => (
              <li key={snapshot.id}>
                <button type="button" onClick={() => props.onChoose(snapshot)}>
                  <span class="version-label">{snapshot.label ?? 'Version'}</span>
                  <span class="version-time">
                    {timeOf(snapshot)} · {authorOf(snapshot)}
                  </span>
                </button>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

function dayOf({ createdAt }: Snapshot): string {
  const date = new Date(createdAt);
  return date.toDateString() === new Date().toDateString()
    ? 'Today'
    : date.toLocaleDateString(undefined, { dateStyle: 'long' });
}

export function timeOf({ createdAt }: Snapshot): string {
  return new Date(createdAt).toLocaleTimeString(undefined, { timeStyle: 'short' });
}

function authorOf({ author }: Snapshot): string {
  if (author === 'anonymous') return 'somebody';
  return author.startsWith('link-') ? 'somebody with a link' : author;
}
