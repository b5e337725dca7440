/** What a document is and is called, which token opens it, and the list of documents that the page keeps. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { KeyRing } from '../../../client/editor/app/key-ring.ts';
import type { Memory } from '../../../client/editor/app/storage.ts';
import { ApiError, type DocumentsApi } from '../../../client/editor/documents/documents-api.ts';
import { Library } from '../../../client/editor/documents/library.ts';
import {
  kindOf,
  languageOf,
  metaIn,
  setKind,
  setTitle,
  titleOf,
} from '../../../client/editor/document/kind.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { hs256 } from '../../support/tokens.ts';

function memory(): Memory {
  const values = new Map<string, string>();
  return {
    read: (key) => values.get(key) ?? null,
    write: (key, value) => {
      if (value === null) values.delete(key);
      else values.set(key, value);
    },
  };
}

function named(name: string): DocumentName {
  const parsed = parseDocumentName(name);
  if (parsed === null) throw new Error(name);
  return parsed;
}

const token = (...matches: string[]): string =>
  hs256({ docs: matches.map((match) => ({ match, access: 'read' })) });

const entry = (name: string): { name: DocumentName; createdAt: string } => ({
  name: named(name),
  createdAt: '2026-11-01T00:00:00Z',
});

describe('the kind of a document', () => {
  it('is what it says, else what it holds, else what its name says', () => {
    const doc = new Y.Doc();
    expect(kindOf(doc, 'notes')).toBe('rich');
    expect(kindOf(doc, 'notes.md')).toBe('text');
    doc.getText('text').insert(0, 'x');
    expect(kindOf(doc, 'notes')).toBe('text');
    setKind(doc, 'rich');
    expect(kindOf(doc, 'notes.md')).toBe('rich');
    expect([languageOf('a.ts'), languageOf('b.PY'), languageOf('c')]).toEqual([
      'javascript',
      'python',
      'text',
    ]);
  });

  it('and its title are parsed: anybody may have written them', () => {
    const doc = new Y.Doc();
    expect(titleOf(doc)).toBeNull();
    setTitle(doc, '  Minutes\n of today ');
    expect(titleOf(doc)).toBe('Minutes of today');
    doc.getMap('meta').set('title', { evil: true });
    expect(titleOf(doc)).toBeNull();
    expect(metaIn({ title: 7, kind: 'table' })).toEqual({ title: null, kind: null });
  });
});

describe('tokens', () => {
  it('of one document open that one; wider ones all that have none of their own', () => {
    const store = memory();
    const keys = new KeyRing(store);
    const narrow = token('team/a');
    const wide = token('team/*');
    keys.keep(narrow, named('team/a'));
    expect(keys.tokenFor(named('team/b'))).toBeNull();
    keys.keep(wide, named('team/b'));
    expect(keys.tokenFor(named('team/a'))).toBe(narrow);
    expect(new KeyRing(store).tokenFor(named('team/c'))).toBe(wide);
    expect(keys.general).toBe(wide);
  });

  it('that come later replace the ones that have ended, the wide ones for the document at hand', () => {
    const keys = new KeyRing(memory());
    keys.keep(token('team/a'), named('team/a'));
    const wide = token('*');
    keys.keep(wide, named('team/a'));
    expect(keys.tokenFor(named('team/a'))).toBe(wide);
  });

  it('to read are remembered as such, for when nobody can be asked', () => {
    const keys = new KeyRing(memory());
    keys.noteAccess(named('a'), 'read');
    expect(keys.lastAccess(named('a'))).toBe('read');
    keys.noteAccess(named('a'), 'write');
    expect(keys.lastAccess(named('a'))).toBeNull();
  });
});

describe('the list of documents', () => {
  const api = { list: vi.fn<DocumentsApi['list']>(), meta: vi.fn<DocumentsApi['meta']>() };
  const library = (store: Memory = memory()): Library =>
    new Library(api as unknown as DocumentsApi, store);

  beforeEach(() => {
    api.list.mockReset();
    api.meta.mockReset();
  });

  it('has what the server lists, all pages of it, and what was opened here', async () => {
    api.list
      .mockResolvedValueOnce({ documents: [entry('a')], cursor: 'next' })
      .mockResolvedValueOnce({ documents: [entry('b')], cursor: null });
    const list = library();
    list.note(named('mine'), 'My own', 'rich', true);
    await list.refresh();
    expect(list.entries.value.map(({ name }) => name)).toEqual(['mine', 'a', 'b']);
    list.search.value = 'OWN';
    expect(list.found.value.map(({ name }) => name)).toEqual(['mine']);
  });

  it('keeps titles for when there is no network, and says why there is no more', async () => {
    const store = memory();
    api.list.mockRejectedValue(new ApiError(null));
    library(store).note(named('kept'), 'Kept', 'text', true);
    const again = library(store);
    await again.refresh();
    expect(again.state.value).toBe('unreachable');
    expect(again.entries.value).toMatchObject([{ name: 'kept', title: 'Kept', kind: 'text' }]);
    api.list.mockRejectedValue(new ApiError('missing-token'));
    await again.refresh();
    expect(again.state.value).toBe('sign-in');
  });

  it('asks for titles when rows are seen, each once', async () => {
    api.list.mockResolvedValue({ documents: [entry('a')], cursor: null });
    api.meta.mockResolvedValue({ title: 'Title of a', kind: 'rich' });
    const list = library();
    await list.refresh();
    list.wants(named('a'));
    list.wants(named('a'));
    await vi.waitFor(() => expect(list.entries.value[0]?.title).toBe('Title of a'));
    expect(api.meta).toHaveBeenCalledTimes(1);
  });

  it('hides what is being deleted, and shows it again when that is undone', async () => {
    api.list.mockResolvedValue({ documents: [entry('a')], cursor: null });
    const list = library();
    await list.refresh();
    list.hide(named('a'));
    expect(list.entries.value).toEqual([]);
    list.unhide(named('a'));
    expect(list.entries.value).toHaveLength(1);
    list.forget(named('a'));
    expect(list.entries.value).toEqual([]);
  });

  it('makes names that are valid, speak, and are free', () => {
    const list = library();
    const names = new Set(
      Array.from({ length: 50 }, () => list.newName('Über uns: 2026/27!', '.md')),
    );
    expect(names.size).toBe(50);
    for (const name of names) expect(name).toMatch(/^über-uns-2026-27-[\da-z]{4}\.md$/);
    expect(list.newName('!!!', '')).toMatch(/^document-/);
  });
});
