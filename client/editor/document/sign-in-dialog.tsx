/** Another token: a link that somebody shared, or the token itself. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../app/context.ts';
import { tokenInHash } from '../app/address.ts';
import { Dialog } from '../app/dialog.tsx';

export function SignInDialog(): JSX.Element {
  const { keys, session, dialog, signedIn } = useApp();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = tokenIn(text.trim());
    const name = session.value?.name;
    if (token === null || name === undefined) {
      setProblem('That is neither a link with a token nor a token.');
      return;
    }
    keys.keep(token, name);
    dialog.value = null;
    signedIn();
  };
  return (
    <Dialog title="Sign in" onClose={() => (dialog.value = null)}>
      <form onSubmit={submit}>
        <p class="hint">
          This server asks who you are. Paste the link that you were given, or a token. What you
          wrote here meanwhile is kept, and saved then.
        </p>
        <label class="field">
          <span>Link or token</span>
          <input
            value={text}
            autofocus
            required
            autocomplete="off"
            spellcheck={false}
            aria-describedby="sign-in-problem"
            aria-invalid={problem !== ''}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p class="problem" id="sign-in-problem" role="alert">
          {problem}
        </p>
        <p class="actions">
          <button type="submit" class="button primary">
            Sign in
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function tokenIn(text: string): string | null {
  const hash = text.indexOf('#');
  const token = hash === -1 ? text : (tokenInHash(text.slice(hash)) ?? '');
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? token : null;
}
