/** What rich text can hold, and how it is shared: one schema for the editor and for history. */
import { Extension, type Extensions } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { TaskItem, TaskList } from '@tiptap/extension-list';
import { TableKit } from '@tiptap/extension-table';
import { Placeholder } from '@tiptap/extensions';
import { StarterKit } from '@tiptap/starter-kit';
import { defaultAwarenessStateFilter, yCursorPlugin } from '@tiptap/y-tiptap';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { RICH_ROOT } from '../../document/kind.ts';
import { drawCaret, selectionColor } from '../caret.ts';
import { Picture } from './picture.ts';

/** Marks and nodes, without anybody to share them with. */
export function contentExtensions(): Extensions {
  return [
    StarterKit.configure({
      heading: { levels: [1, 2, 3] },
      link: {
        openOnClick: false,
        autolink: true,
        defaultProtocol: 'https',
        HTMLAttributes: { rel: 'noopener noreferrer nofollow', target: '_blank' },
      },
      // Collaboration brings its own, which undoes one's own edits only.
      undoRedo: false,
      // It writes into the document of everybody who only opens it.
      trailingNode: false,
    }),
    TaskList,
    TaskItem.configure({
      nested: true,
      a11y: {
        checkboxLabel: (node, isChecked) =>
          `${isChecked ? 'Done' : 'To do'}: ${node.textContent || 'empty task'}`,
      },
    }),
    TableKit.configure({ table: { resizable: false } }),
    Picture,
  ];
}

export function sharedExtensions(doc: Y.Doc, awareness: Awareness): Extensions {
  return [
    ...contentExtensions(),
    Placeholder.configure({
      placeholder: 'Start writing. Whoever opens this address sees it as you type.',
    }),
    Collaboration.configure({ document: doc, field: RICH_ROOT }),
    carets(awareness),
  ];
}

function carets(awareness: Awareness): Extension {
  return Extension.create({
    name: 'carets',
    // After Collaboration, whose positions it reads.
    priority: 900,
    addProseMirrorPlugins() {
      return [
        yCursorPlugin(awareness, {
          awarenessStateFilter: defaultAwarenessStateFilter,
          cursorBuilder: (user: unknown, clientId: number) => drawCaret(user, clientId),
          selectionBuilder: (user: unknown) => ({
            class: 'caret-selection',
            style: `background-color: ${selectionColor(user)}`,
          }),
        }),
      ];
    },
  });
}
