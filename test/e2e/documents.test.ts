/** Documents as people handle them: found, made, renamed, copied, deleted and back, shared, read only, as they were. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { pathOf, Rest, textUpdate } from '../support/rest.ts';
import { tempDir } from '../support/temp-dir.ts';
import { admin, SECRET_NODE } from '../support/tokens.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { EditorPage } from './browser.ts';
import { browserStage, says, shows, startNode } from './stage.ts';

const { open, visit } = browserStage();

const rows = (editor: EditorPage): ReturnType<EditorPage['page']['locator']> =>
  editor.page.getByRole('list', { name: 'Documents' }).getByRole('listitem');

async function action(editor: EditorPage, title: string, name: string): Promise<void> {
  await editor.page.getByRole('button', { name: `Actions for ${title}` }).click();
  await editor.page.getByRole('menuitem', { name }).click();
}

async function offered(editor: EditorPage, title: string): Promise<readonly string[]> {
  await editor.page.getByRole('button', { name: `Actions for ${title}` }).click();
  const words = await editor.page.getByRole('menuitem').allInnerTexts();
  await editor.page.keyboard.press('Escape');
  return words;
}

describe('the list', () => {
  it('makes, finds, renames, copies, deletes and brings back', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const rest = new Rest(url);
    await rest.put(pathOf('other.txt'), textUpdate('from elsewhere'));
    const ada = await open(url, 'start');
    await ada.page.getByRole('button', { name: 'New document' }).click();
    await ada.page.getByRole('textbox', { name: 'Title' }).last().fill('Minutes');
    await ada.page.getByRole('button', { name: 'Create' }).click();
    await waitUntil('it is open', async () => (await ada.title.inputValue()) === 'Minutes');
    await ada.isOpen();
    await ada.type('agenda');
    await says(ada, 'Saved');
    const name = decodeURIComponent(new URL(ada.page.url()).hash.slice(1));
    expect(name).toMatch(/^minutes-[\da-z]{4}$/);
    // Found by its title, or by a part of a name that somebody else made.
    const search = ada.page.getByRole('searchbox', { name: 'Find a document' });
    await search.fill('other');
    expect(await rows(ada).allInnerTexts()).toEqual([expect.stringContaining('other.txt')]);
    await search.fill('');
    // Its title is in the document, so that everybody sees the new one.
    const ben = await open(url, name);
    await ada.title.fill('Minutes of May');
    await ada.title.press('Enter');
    await waitUntil('Ben sees it', async () => (await ben.title.inputValue()) === 'Minutes of May');
    await action(ada, 'Minutes of May', 'Make a copy');
    await waitUntil(
      'the copy is open',
      async () => (await ada.title.inputValue()) === 'Copy of Minutes of May',
    );
    await ada.isOpen();
    await shows(ada, 'agenda');
    const copy = decodeURIComponent(new URL(ada.page.url()).hash.slice(1));
    await action(ada, 'Copy of Minutes of May', 'Delete');
    expect((await rows(ada).allInnerTexts()).join()).not.toContain('Copy of');
    await ada.page.getByRole('button', { name: 'Undo', exact: true }).last().click();
    await waitUntil('it is back', async () =>
      (await rows(ada).allInnerTexts()).join().includes('Copy of'),
    );
    expect((await rest.get(pathOf(copy))).status).toBe(200);
    await action(ada, 'Copy of Minutes of May', 'Delete');
    await waitUntil(
      'it is gone, for good',
      async () => (await rest.get(pathOf(copy))).code === 'document-deleted',
      20_000,
    );
  });

  it('finds a document by a title that this browser has never shown', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const rest = new Rest(url);
    const titled = new Y.Doc();
    titled.getMap('meta').set('title', 'The crossing of zebras');
    await rest.put(pathOf('k-1'), Y.encodeStateAsUpdate(titled));
    // Newer ones come first, and it is not in sight.
    for (let i = 0; i < 70; i++) await rest.put(pathOf(`other-${i}`), textUpdate('x'));
    const ada = await open(url, 'start');
    await ada.page.getByRole('button', { name: /^Show more/ }).waitFor();
    await ada.page.getByRole('searchbox', { name: 'Find a document' }).fill('zebra');
    await waitUntil('it is found', async () =>
      (await rows(ada).allInnerTexts()).join().includes('The crossing of zebras'),
    );
    expect(await rows(ada).count()).toBe(1);
  });

  it('deletes at once when the page goes, and tells those who have it open', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const rest = new Rest(url);
    const ada = await open(url, 'mine');
    await ada.type('x');
    await says(ada, 'Saved');
    const ben = await open(url, 'mine');
    await action(ada, 'mine', 'Delete');
    await ada.page.close();
    await waitUntil(
      'it is gone',
      async () => (await rest.get(pathOf('mine'))).code === 'document-deleted',
    );
    await says(ben, 'Deleted');
    await ben.page.getByRole('alert').getByText('This document was deleted').waitFor();
  });
});

describe('links', () => {
  it('to read and to edit are made by whoever may share, and give that and no more', async () => {
    const { url } = await startNode({ dataDir: tempDir(), ...SECRET_NODE });
    const ada = await visit(url, `team/plan?token=${admin()}`);
    await ada.isOpen();
    await ada.type('secret plan');
    await says(ada, 'Saved');
    const link = async (access: RegExp): Promise<string> => {
      await ada.page.getByRole('button', { name: 'Share' }).click();
      await ada.page.getByRole('radio', { name: access }).check();
      await ada.page.getByRole('button', { name: 'Make a link' }).click();
      const value = await ada.page.getByRole('textbox', { name: /^Link to/ }).inputValue();
      await ada.page.keyboard.press('Escape');
      return value.slice(value.indexOf('#') + 1);
    };
    const reader = await visit(url, await link(/can read/));
    await reader.page.getByText('secret plan').waitFor();
    await reader.page.locator('#read-only').waitFor();
    await reader.page.locator('[aria-label="Document text"][contenteditable="false"]').waitFor();
    expect(reader.page.url()).not.toContain('token');
    await ada.press('End');
    await ada.type('!');
    await shows(reader, 'secret plan!');
    const writer = await visit(url, await link(/can edit/));
    await writer.isOpen();
    await writer.press('End');
    await writer.type('?');
    await says(writer, 'Saved');
    await shows(ada, 'secret plan!?');
    // Nothing is offered that would be refused.
    expect(await offered(reader, 'team/plan')).toEqual(['Make a copy']);
    expect(await offered(writer, 'team/plan')).toEqual(['Rename', 'Make a copy']);
    expect(await offered(ada, 'team/plan')).toEqual(['Rename', 'Make a copy', 'Delete']);
    // No other document.
    await writer.turnTo('team/other');
    await writer.page.getByRole('alert').getByText('You are signed out').waitFor();
    const stranger = await visit(url, 'team/plan');
    await says(stranger, 'Not signed in');
  });
});

describe.each([
  ['rich text', ''],
  ['plain text', '.txt'],
])('history of %s', (_kind, ending) => {
  it('keeps a version, shows what has changed since, and brings it back', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, `history${ending}`);
    await ada.type('The quick fox\njumps');
    await says(ada, 'Saved');
    await ada.panel('History');
    await ada.page.getByRole('textbox', { name: 'What to call this version' }).fill('Draft');
    await ada.page.getByRole('button', { name: 'Keep' }).click();
    const version = ada.page.getByRole('button', { name: /^Draft/ });
    await version.waitFor();
    await ada.press('Control+End');
    await ada.type(' high');
    await ada.press('Control+Home');
    await ada.press('Delete', 4);
    await shows(ada, 'quick fox\njumps high');
    await version.click();
    const view = ada.page.getByRole('region', { name: 'The version' });
    await view.waitFor();
    await waitUntil('what was added is marked', async () =>
      (await view.locator('ins').allInnerTexts()).join('').includes('high'),
    );
    expect((await view.locator('del').allInnerTexts()).join('')).toContain('The');
    await ada.page.getByRole('checkbox', { name: 'Compare with now' }).uncheck();
    expect(await view.locator('ins, del').count()).toBe(0);
    expect(await view.innerText()).toContain('The quick fox');
    await ada.page.getByRole('button', { name: 'Go back to this version' }).click();
    await shows(ada, 'The quick fox\njumps');
    const ben = await open(url, `history${ending}`);
    await shows(ben, 'The quick fox\njumps');
  });
});
