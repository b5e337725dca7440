/** Asks for the address of a link or a picture. */
import type { Editor } from '@tiptap/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from '../../app/dialog.tsx';
import { pictureUrl } from './picture.ts';

export type AddressKind = 'link' | 'picture';

const GOES_SOMEWHERE = /^(?:https?|mailto|tel):/i;

export function AddressDialog(props: {
  readonly kind: AddressKind;
  readonly editor: Editor;
  readonly onClose: () => void;
}): JSX.Element {
  const { kind, editor, onClose } = props;
  const here = kind === 'link' ? String(editor.getAttributes('link')['href'] ?? '') : '';
  const [address, setAddress] = useState(here);
  const [alt, setAlt] = useState('');
  const [problem, setProblem] = useState('');
  const save = (event: Event): void => {
    event.preventDefault();
    // A form inside the page's own elements would otherwise be heard by the toolbar, too.
    event.stopPropagation();
    const failure = kind === 'link' ? setLink(editor, address) : addPicture(editor, address, alt);
    if (failure === null) onClose();
    else setProblem(failure);
  };
  return (
    <Dialog title={kind === 'link' ? 'Link' : 'Picture'} onClose={onClose}>
      <form onSubmit={save}>
        <label class="field">
          <span>Address</span>
          <input
            type="text"
            inputMode="url"
            autofocus
            value={address}
            placeholder="https://"
            spellcheck={false}
            aria-invalid={problem !== ''}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </label>
        {kind === 'picture' && (
          <label class="field">
            <span>What it shows, for those who cannot see it</span>
            <input value={alt} onInput={(event) => setAlt(event.currentTarget.value)} />
          </label>
        )}
        <p class="problem" role="alert">
          {problem}
        </p>
        <p class="actions">
          {GOES_SOMEWHERE.test(here) && (
            <a class="button" href={here} target="_blank" rel="noopener noreferrer">
              Open
            </a>
          )}
          {here !== '' && (
            <button
              type="button"
              class="button"
              onClick={() => {
                editor.chain().extendMarkRange('link').unsetLink().run();
                onClose();
              }}
            >
              Remove
            </button>
          )}
          <button type="submit" class="button primary">
            {kind === 'link' ? 'Link' : 'Insert'}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** Null, or what is wrong. */
function setLink(editor: Editor, text: string): string | null {
  const typed = text.trim();
  const href = /^[a-z][\w+.-]*:/i.test(typed) ? typed : `https://${typed}`;
  if (typed === '' || !GOES_SOMEWHERE.test(href) || !URL.canParse(href)) {
    return 'That is not an address that a link can go to.';
  }
  const { from, to } = editor.state.selection;
  const chain = editor.chain().focus();
  // A selection may hold the end of a line and no text.
  if (editor.state.doc.textBetween(from, to).trim() === '' && !editor.isActive('link')) {
    const marks = [{ type: 'link', attrs: { href } }];
    chain.insertContentAt(from, { type: 'text', text: typed, marks });
  } else chain.extendMarkRange('link').setLink({ href });
  return chain.run() ? null : 'There cannot be a link here.';
}

function addPicture(editor: Editor, text: string, alt: string): string | null {
  const src = pictureUrl(text.trim());
  if (text.trim() === '' || src === null) return 'Pictures have addresses that begin with https://';
  editor.chain().focus().setImage({ src, alt: alt.trim() }).run();
  return null;
}
