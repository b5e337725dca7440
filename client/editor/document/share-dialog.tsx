/** Links to the document: its address, or on a server with access control one that holds a token to read or to write. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Check, Copy, Link as LinkIcon } from 'lucide-preact';
import { hashOf } from '../app/address.ts';
import { useApp } from '../app/context.ts';
import { Dialog } from '../app/dialog.tsx';
import { reasonOf } from '../app/reason.ts';
import type { Session } from './session.ts';

const DAY_S = 24 * 3600;
const LIFETIMES = [
  { seconds: DAY_S, words: 'for a day' },
  { seconds: 7 * DAY_S, words: 'for a week' },
  { seconds: 30 * DAY_S, words: 'for 30 days' },
] as const;
/** How long a button says what it did, milliseconds. */
const DONE_MS = 2_000;

export function ShareDialog(): JSX.Element | null {
  const { session, dialog } = useApp();
  const open = session.value;
  useEffect(() => void open?.refreshNode(), []);
  if (open === null) return null;
  const node = open.node.value;
  return (
    <Dialog title="Share" onClose={() => (dialog.value = null)}>
      {node === null || !node.isAccessControlled ? (
        <OpenSharing session={open} isKnown={node !== null} />
      ) : node.canShare ? (
        <LinkSharing session={open} mayWrite={node.access !== 'read'} />
      ) : (
        <p class="hint">
          This server’s tokens come from elsewhere: ask whoever runs it for a link for others.
        </p>
      )}
    </Dialog>
  );
}

function OpenSharing(props: { readonly session: Session; readonly isKnown: boolean }): JSX.Element {
  return (
    <>
      <p class="hint">
        {props.isKnown
          ? 'This server has no access control: everybody who reaches it and has the address can read and write.'
          : 'The server cannot be reached to make a link; this is the address.'}
      </p>
      <CopyField label="Address" value={addressOf(hashOf(props.session.name))} />
    </>
  );
}

function LinkSharing(props: {
  readonly session: Session;
  readonly mayWrite: boolean;
}): JSX.Element {
  const { api } = useApp();
  const [access, setAccess] = useState<'read' | 'write'>(props.mayWrite ? 'write' : 'read');
  const [seconds, setSeconds] = useState<number>(LIFETIMES[1].seconds);
  const [link, setLink] = useState<{ url: string; until: string } | null>(null);
  const [problem, setProblem] = useState('');
  const { name } = props.session;
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem('');
    try {
      const { token, expiresAt } = await api.link(name, access, seconds);
      setLink({
        url: addressOf(hashOf(name, token)),
        until: new Date(expiresAt).toLocaleString(undefined, {
          dateStyle: 'medium',
          timeStyle: 'short',
        }),
      });
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <form onSubmit={(event) => void make(event)}>
      <fieldset class="choices">
        <legend>Whoever has the link</legend>
        {(['write', 'read'] as const).map((value) => (
          <label key={value} class="choice">
            <input
              type="radio"
              name="access"
              checked={access === value}
              disabled={value === 'write' && !props.mayWrite}
              onChange={() => {
                setAccess(value);
                setLink(null);
              }}
            />
            <span>
              <b>{value === 'write' ? 'can edit' : 'can read'}</b>
              <small>{value === 'write' ? 'and comes back to it' : 'and sees changes live'}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>It is good</span>
        <select
          value={seconds}
          onChange={(event) => {
            setSeconds(Number(event.currentTarget.value));
            setLink(null);
          }}
        >
          {LIFETIMES.map((lifetime) => (
            <option key={lifetime.seconds} value={lifetime.seconds}>
              {lifetime.words}
            </option>
          ))}
        </select>
      </label>
      <p class="problem" role="alert">
        {problem}
      </p>
      {link === null ? (
        <p class="actions">
          <button type="submit" class="button primary">
            <LinkIcon aria-hidden="true" />
            Make a link
          </button>
        </p>
      ) : (
        <>
          <CopyField
            label={access === 'write' ? 'Link to edit' : 'Link to read'}
            value={link.url}
          />
          <p class="hint">Good until {link.until}. It opens this document and no other.</p>
        </>
      )}
    </form>
  );
}

function CopyField(props: { readonly label: string; readonly value: string }): JSX.Element {
  const [said, setSaid] = useState<'copied' | 'refused' | null>(null);
  const copy = (): void => {
    navigator.clipboard.writeText(props.value).then(
      () => setSaid('copied'),
      () => setSaid('refused'),
    );
    setTimeout(() => setSaid(null), DONE_MS);
  };
  return (
    <div class="copy-field">
      <label class="field">
        <span>{props.label}</span>
        <input readOnly value={props.value} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <button type="button" class="button" onClick={copy}>
        {said === 'copied' ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
        <span aria-live="polite">
          {said === 'copied' ? 'Copied' : said === 'refused' ? 'Press Ctrl C' : 'Copy'}
        </span>
      </button>
    </div>
  );
}

function addressOf(hash: string): string {
  return new URL(hash, location.href.split('#', 1)[0]).href;
}
