/**
 * Editors as people have them on other servers, with nothing of Syncline's in the page: `?editor=` Tiptap on Hocuspocus'
 * provider, CodeMirror on y-websocket, ProseMirror on Y-Sweet's client; `&server=`, `&document=`, `&user=`.
 */
import { HocuspocusProvider } from '@hocuspocus/provider';
import { Editor } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { keymap } from '@tiptap/pm/keymap';
import { Schema } from '@tiptap/pm/model';
import { EditorState } from '@tiptap/pm/state';
import { EditorView } from '@tiptap/pm/view';
import { StarterKit } from '@tiptap/starter-kit';
import { YSweetProvider } from '@y-sweet/client';
import { EditorState as CodeState } from '@codemirror/state';
import { EditorView as CodeView, keymap as codeKeymap } from '@codemirror/view';
import { WebsocketProvider } from 'y-websocket';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import { redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror';
import * as Y from 'yjs';

const asked = new URLSearchParams(location.search);
const server = asked.get('server');
const name = asked.get('document');
const user = { name: asked.get('user'), color: '#3060c0' };
const element = document.querySelector('#editor');
const doc = new Y.Doc();
/** Tiptap's and ProseMirror's content is the same fragment: two clients' editors in one document. */
const FRAGMENT = 'default';

/** As much of Tiptap's as both know. */
const schema = new Schema({
  nodes: {
    doc: { content: 'paragraph+' },
    paragraph: { content: 'text*', toDOM: () => ['p', 0], parseDOM: [{ tag: 'p' }] },
    text: {},
  },
});

const editors = {
  tiptap() {
    const provider = new HocuspocusProvider({ url: server, name, document: doc });
    provider.awareness.setLocalStateField('user', user);
    new Editor({
      element,
      extensions: [
        StarterKit.configure({ undoRedo: false }),
        Collaboration.configure({ document: doc, field: FRAGMENT }),
      ],
    });
    return { awareness: provider.awareness, isSaved: () => !provider.hasUnsyncedChanges };
  },
  codemirror() {
    const provider = new WebsocketProvider(server, name, doc);
    provider.awareness.setLocalStateField('user', user);
    const text = doc.getText('codemirror');
    new CodeView({
      parent: element,
      state: CodeState.create({
        doc: text.toString(),
        extensions: [codeKeymap.of(yUndoManagerKeymap), yCollab(text, provider.awareness)],
      }),
    });
    return { awareness: provider.awareness, isSaved: () => provider.synced };
  },
  prosemirror() {
    const provider = new YSweetProvider(
      async () => ({
        url: `${server}/d/${name}/ws`,
        baseUrl: `${server.replace(/^ws/, 'http')}/d/${name}`,
        docId: name,
      }),
      name,
      doc,
      { showDebuggerLink: false },
    );
    provider.awareness.setLocalStateField('user', user);
    const fragment = doc.getXmlFragment(FRAGMENT);
    new EditorView(element, {
      state: EditorState.create({
        schema,
        plugins: [
          ySyncPlugin(fragment),
          yCursorPlugin(provider.awareness),
          yUndoPlugin(),
          keymap({ 'Mod-z': undo, 'Mod-y': redo }),
        ],
      }),
    });
    return { awareness: provider.awareness, isSaved: () => !provider.hasLocalChanges };
  },
};

const { awareness, isSaved } = editors[asked.get('editor')]();

/** What the test asks the page. */
window.seen = {
  isSaved,
  people: () =>
    [...awareness.getStates().values()]
      .map((state) => state.user?.name)
      .filter(Boolean)
      .toSorted(),
};
