/**
 * Shows the one status. "Saved" waits a moment after the last change, so that the words do not flicker with every key;
 * everything else shows at once. What is read out to those who cannot see it changes with the kind of state only.
 */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Check, CloudOff, LoaderCircle, TriangleAlert } from 'lucide-preact';
import { useApp } from '../app/context.ts';
import type { SaveLabel } from './save-label.ts';
import type { Session } from './session.ts';

/** Longer than the pause between two keys of somebody who is typing, milliseconds. */
const SAVED_AFTER_MS = 600;

const ICONS = {
  quiet: LoaderCircle,
  saved: Check,
  saving: LoaderCircle,
  offline: CloudOff,
  failed: TriangleAlert,
} as const;

export function SaveStatus({ session }: { readonly session: Session }): JSX.Element {
  const { panel, dialog } = useApp();
  const [spoken, setSpoken] = useState('');
  const label = useCalm(session.label.value);
  const lastTone = useRef(label.tone);
  useEffect(() => {
    // "Saving" is said by its going away again; read aloud it would interrupt every sentence.
    if (label.tone !== 'saving' && label.tone !== lastTone.current) setSpoken(label.text);
    lastTone.current = label.tone;
  }, [label]);
  const Icon = ICONS[label.tone];
  const isOver = session.closed.value?.retry === 'reauthenticate';
  return (
    <>
      <button
        type="button"
        id="save"
        class="save"
        data-tone={label.tone}
        title={label.detail}
        aria-label={`${label.text}. ${label.detail}`}
        onClick={() => {
          if (isOver) dialog.value = 'sign-in';
          else panel.value = panel.value === 'connection' ? null : 'connection';
        }}
      >
        <Icon aria-hidden="true" />
        <span id="save-words">{label.text}</span>
      </button>
      <p class="unseen" role="status" id="save-spoken">
        {spoken}
      </p>
    </>
  );
}

/** What to show: the label, but "saved" after "saving" only once it has lasted. */
function useCalm(label: SaveLabel): SaveLabel {
  const [shown, setShown] = useState(label);
  useEffect(() => {
    if (label.tone !== 'saved' || shown.tone !== 'saving') {
      setShown(label);
      return;
    }
    const timer = setTimeout(() => setShown(label), SAVED_AFTER_MS);
    return () => clearTimeout(timer);
  }, [label]);
  // Late news may be good news only: never "saved" when it is not.
  return label.tone === 'saved' && shown.tone === 'saving' ? shown : label;
}
