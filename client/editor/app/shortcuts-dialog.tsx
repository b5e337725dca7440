/** What the keyboard can do. */
import type { JSX } from 'preact';
import { useApp } from './context.ts';
import { Dialog } from './dialog.tsx';

const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ['Ctrl K', 'Find a document'],
  ['Alt N', 'New document'],
  ['Alt T', 'Change the title'],
  ['Alt S', 'Share'],
  ['Alt H', 'History'],
  ['Alt C', 'Connection'],
  ['Ctrl Z', 'Undo what you did'],
  ['Ctrl Shift Z', 'Do it again'],
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
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
