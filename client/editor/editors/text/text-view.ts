/**
 * Plain text and code on CodeMirror 6, as the page sees it. It lives in a shadow tree: there CodeMirror adopts its style
 * sheets, where in the page it would write style elements, which the security policy forbids.
 */
import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput } from '@codemirror/language';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  placeholder,
} from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { languageOf, TEXT_ROOT } from '../../document/kind.ts';
import type { DocumentView } from '../../document/view.ts';
import { appearance } from './appearance.ts';
import { loadLanguage } from './languages.ts';
import { placeOf, remoteCarets } from './remote-carets.ts';

export class TextView implements DocumentView {
  readonly #view: EditorView;
  readonly #text: Y.Text;
  readonly #awareness: Awareness;
  readonly #undo: Y.UndoManager;
  readonly #editable = new Compartment();
  readonly #language = new Compartment();

  constructor(
    host: HTMLElement,
    name: string,
    doc: Y.Doc,
    awareness: Awareness,
    isEditable: boolean,
  ) {
    this.#text = doc.getText(TEXT_ROOT);
    this.#awareness = awareness;
    this.#undo = new Y.UndoManager(this.#text);
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    const language = languageOf(name);
    this.#view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: this.#text.toJSON(),
        extensions: [
          // Undo undoes one's own edits only: the document's undo manager, no history of CodeMirror's.
          keymap.of([...yUndoManagerKeymap, ...searchKeymap, ...defaultKeymap]),
          language === 'text'
            ? []
            : [lineNumbers(), highlightActiveLineGutter(), bracketMatching()],
          // Escape, then Tab leaves the text: CodeMirror's own way out for keyboards.
          language === 'text' ? [] : keymap.of([indentWithTab]),
          indentOnInput(),
          drawSelection(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          EditorView.lineWrapping,
          placeholder('Start writing. Whoever opens this address sees it as you type.'),
          EditorView.contentAttributes.of({
            'aria-label': 'Document text',
            spellcheck: language === 'text' || language === 'markdown' ? 'true' : 'false',
          }),
          this.#editable.of(editability(isEditable)),
          this.#language.of([]),
          yCollab(this.#text, null, { undoManager: this.#undo }),
          remoteCarets(this.#text, awareness),
          appearance,
        ],
      }),
    });
    void loadLanguage(language).then((extension) => {
      this.#view.dispatch({ effects: this.#language.reconfigure(extension) });
    });
  }

  focus(): void {
    this.#view.focus();
  }

  setEditable(isEditable: boolean): void {
    if (this.#view.state.readOnly !== isEditable) return;
    this.#view.dispatch({ effects: this.#editable.reconfigure(editability(isEditable)) });
  }

  reveal(clientId: number): boolean {
    const place = placeOf(this.#text, this.#awareness, clientId);
    if (place === null) return false;
    const at = Math.min(place.head, this.#view.state.doc.length);
    this.#view.dispatch({ effects: EditorView.scrollIntoView(at, { y: 'center' }) });
    return true;
  }

  text(): string {
    return this.#view.state.doc.toString();
  }

  destroy(): void {
    this.#undo.destroy();
    this.#view.destroy();
  }
}

/** Where one only reads, the text can still be reached and selected by keyboard. */
function editability(isEditable: boolean): ReturnType<typeof EditorState.readOnly.of>[] {
  return [
    EditorState.readOnly.of(!isEditable),
    EditorView.contentAttributes.of({ 'aria-readonly': String(!isEditable) }),
    EditorView.editable.of(isEditable),
  ];
}
