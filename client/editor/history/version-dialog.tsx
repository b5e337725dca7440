/** One version: how it was, what has changed since, and the way back to it. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { RotateCcw } from 'lucide-preact';
import type { Doc } from 'yjs';
import { useApp } from '../app/context.ts';
import { Dialog } from '../app/dialog.tsx';
import { reasonOf } from '../app/reason.ts';
import type { Session } from '../document/session.ts';
import { blocksOf } from './blocks.ts';
import { compare, countChanges, type ComparedBlock } from './compare.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { VersionView } from './version-view.tsx';

export interface VersionDialogProps {
  readonly session: Session;
  readonly snapshots: Snapshots;
  readonly snapshot: Snapshot;
  readonly onClose: () => void;
}

export function VersionDialog(props: VersionDialogProps): JSX.Element {
  const { session, snapshots, snapshot, onClose } = props;
  const { toasts } = useApp();
  const [version, setVersion] = useState<Doc | null>(null);
  const [problem, setProblem] = useState('');
  const [isComparing, setComparing] = useState(true);
  useEffect(() => {
    let loaded: Doc | null = null;
    let isOpen = true;
    snapshots.state(snapshot.id).then(
      (doc) => {
        loaded = doc;
        if (isOpen) setVersion(doc);
        else doc.destroy();
      },
      (error: unknown) => setProblem(reasonOf(error)),
    );
    return () => {
      isOpen = false;
      loaded?.destroy();
    };
  }, [snapshot.id]);
  const restore = async (): Promise<void> => {
    try {
      // Before it, so that what is on its way is there to come back to.
      await snapshots.keep('Before going back');
      await snapshots.restore(snapshot.id);
      toasts.show(`The document is as in “${snapshot.label ?? 'that version'}” again`);
      onClose();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  const blocks = version === null ? null : blocksFor(version, session, isComparing);
  const counts = blocks === null ? null : countChanges(blocks);
  return (
    <Dialog title={snapshot.label ?? 'Version'} onClose={onClose} isWide>
      <div class="version-bar">
        <p>
          {new Date(snapshot.createdAt).toLocaleString(undefined, {
            dateStyle: 'long',
            timeStyle: 'short',
          })}
        </p>
        <label class="switch">
          <input
            type="checkbox"
            checked={isComparing}
            onChange={(event) => setComparing(event.currentTarget.checked)}
          />
          Compare with now
        </label>
        {isComparing && counts !== null && (
          <p class="counts" role="status">
            <ins>{counts.added === 1 ? '1 word' : `${counts.added} words`} added</ins>{' '}
            <del>{counts.removed} removed</del> since
          </p>
        )}
      </div>
      <p class="problem" role="alert">
        {problem}
      </p>
      {/* Focusable, so that it can be scrolled by keyboard. */}
      <div class="version-scroller" tabIndex={0} role="region" aria-label="The version">
        {blocks === null ? <span class="line-ghost" /> : <VersionView blocks={blocks} />}
      </div>
      {session.isEditable.value && (
        <p class="actions">
          <button type="button" class="button primary" onClick={() => void restore()}>
            <RotateCcw aria-hidden="true" />
            Go back to this version
          </button>
        </p>
      )}
    </Dialog>
  );
}

function blocksFor(version: Doc, session: Session, isComparing: boolean): readonly ComparedBlock[] {
  const kind = session.kind.peek() ?? 'rich';
  const before = blocksOf(version, kind);
  return compare(before, isComparing ? blocksOf(session.doc, kind) : before);
}
