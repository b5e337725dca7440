/** Rich text on Tiptap, as the page sees it. */
import { Editor } from '@tiptap/core';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { DocumentView } from '../../document/view.ts';
import { sharedExtensions } from './extensions.ts';
import { withoutStyles } from './pasted-styles.ts';

export class RichView implements DocumentView {
  readonly editor: Editor;

  constructor(element: HTMLElement, doc: Y.Doc, awareness: Awareness, isEditable: boolean) {
    this.editor = new Editor({
      element,
      editable: isEditable,
      extensions: sharedExtensions(doc, awareness),
      // It would be a style element; the page's own sheet has these rules.
      injectCSS: false,
      editorProps: {
        attributes: {
          id: 'document',
          class: 'rich',
          role: 'textbox',
          'aria-multiline': 'true',
          'aria-label': 'Document text',
          'aria-describedby': 'text-help',
        },
        handleDOMEvents: { click: openLink },
        transformPastedHTML: withoutStyles,
      },
    });
  }

  focus(): void {
    this.editor.commands.focus();
  }

  setEditable(isEditable: boolean): void {
    if (this.editor.isEditable !== isEditable) this.editor.setEditable(isEditable, false);
  }

  reveal(clientId: number): boolean {
    const caret = this.editor.view.dom.querySelector(`.caret[data-client="${clientId}"]`);
    caret?.scrollIntoView({ block: 'center', behavior: 'smooth' });
    return caret !== null;
  }

  text(): string {
    return this.editor.getText({ blockSeparator: '\n' });
  }

  destroy(): void {
    this.editor.destroy();
  }
}

/** While writing, a click puts the caret into a link; with Ctrl, or where one only reads, it opens it. */
function openLink(view: { readonly editable: boolean }, event: MouseEvent): boolean {
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (link === null) return false;
  event.preventDefault();
  if (view.editable && !event.ctrlKey && !event.metaKey) return false;
  window.open(link.getAttribute('href') ?? '', '_blank', 'noopener,noreferrer');
  return true;
}
