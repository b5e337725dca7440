/** Makes a document: a title, and what it is. It opens at once, connected or not. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { FileCode2, FileText } from 'lucide-preact';
import { useApp } from '../app/context.ts';
import { Dialog } from '../app/dialog.tsx';
import { TITLE_LENGTH_MAX } from '../document/kind.ts';

const CHOICES = [
  { ending: '', words: 'Rich text', hint: 'Headings, lists, tables, images', isRich: true },
  { ending: '.txt', words: 'Plain text', hint: 'Just characters', isRich: false },
  { ending: '.md', words: 'Markdown', hint: 'As source', isRich: false },
  { ending: '.js', words: 'JavaScript', hint: 'Or TypeScript', isRich: false },
  { ending: '.py', words: 'Python', hint: '', isRich: false },
  { ending: '.json', words: 'JSON', hint: '', isRich: false },
  { ending: '.html', words: 'HTML', hint: '', isRich: false },
  { ending: '.css', words: 'CSS', hint: '', isRich: false },
  { ending: '.yaml', words: 'YAML', hint: '', isRich: false },
] as const;
const MAIN = CHOICES.slice(0, 3);
const CODE = CHOICES.slice(3);

export function NewDialog(): JSX.Element {
  const { dialog, library, open } = useApp();
  const [title, setTitle] = useState('');
  const [ending, setEnding] = useState<string>('');
  const create = (event: Event): void => {
    event.preventDefault();
    const words = title.trim();
    dialog.value = null;
    open(library.newName(words, ending), {
      kind: ending === '' ? 'rich' : 'text',
      title: words === '' ? null : words,
    });
  };
  return (
    <Dialog title="New document" onClose={() => (dialog.value = null)}>
      <form onSubmit={create}>
        <label class="field">
          <span>Title</span>
          <input
            value={title}
            autofocus
            maxLength={TITLE_LENGTH_MAX}
            placeholder="Untitled"
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <fieldset class="choices">
          <legend>What is it?</legend>
          {MAIN.map((choice) => (
            <label key={choice.ending} class="choice">
              <input
                type="radio"
                name="kind"
                checked={ending === choice.ending}
                onChange={() => setEnding(choice.ending)}
              />
              {choice.isRich ? <FileText aria-hidden="true" /> : <FileCode2 aria-hidden="true" />}
              <span>
                <b>{choice.words}</b>
                <small>{choice.hint}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>Or code</span>
          <select value={ending} onChange={(event) => setEnding(event.currentTarget.value)}>
            {MAIN.some((choice) => choice.ending === ending) && <option value={ending}>–</option>}
            {CODE.map((choice) => (
              <option key={choice.ending} value={choice.ending}>
                {choice.words}
              </option>
            ))}
          </select>
        </label>
        <p class="actions">
          <button type="submit" class="button primary">
            Create
          </button>
        </p>
      </form>
    </Dialog>
  );
}
