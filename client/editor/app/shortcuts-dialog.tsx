/** What the keyboard can do. */
import type { JSX } from 'preact';
import { useApp } from './context.ts';
import { Dialog } from './dialog.tsx';
import { keyWords } from './keys.ts';

const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ['Page K', 'Find a document'],
  ['Page N', 'New document'],
  ['Page T', 'Change the title'],
  ['Page S', 'Share'],
  ['Page H', 'History'],
  ['Page C', 'Connection'],
  ['Page /', 'This list'],
  ['Mod Z', 'Undo what you did'],
  ['Mod Shift Z', 'Do it again'],
  ['Mod K', 'Link, in rich text; elsewhere: find a document'],
  ['Mod Click', 'Open a link'],
  ['Alt F10', 'From the text to its toolbar'],
  ['Esc', 'Stop following, close a panel; in code: leave the text with Tab'],
  ['# Space', 'Heading (## and ### for smaller ones)'],
  ['- Space', 'List; 1. for a numbered one, [ ] for tasks'],
  ['> Space', 'Quote; ``` for code'],
];

export function ShortcutsDialog(): JSX.Element {
  const { dialog } = useApp();
  return (
    <Dialog title="Keyboard" onClose={() => (dialog.value = null)}>
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keyWords(keys)}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
