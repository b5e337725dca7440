/** The page by keyboard alone: the focus is where one goes on, keys are the ones that the page names, nothing is lost. */
import { describe, expect, it } from 'vitest';
import { Rest, pathOf } from '../support/rest.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { EditorPage } from './browser.ts';
import { browserStage, says, shows, startNode } from './stage.ts';

const { open } = browserStage();
const SOON = { timeout: 10_000 };

/** What has the focus is called. */
async function focused({ page }: EditorPage): Promise<string> {
  return await page.evaluate<string>(`(() => {
    const at = document.activeElement;
    return at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
  })()`);
}

async function focusIs(editor: EditorPage, name: string | RegExp): Promise<void> {
  await expect.poll(async () => await focused(editor), SOON).toMatch(name);
}

describe('dialogs', () => {
  it('begin at the field that they are about, and give the focus back to the text', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'dialogs');
    const { keyboard } = ada.page;
    await ada.type('word');
    await keyboard.press('Control+k');
    await focusIs(ada, /^Address/);
    await keyboard.type('example.org');
    await keyboard.press('Enter');
    await ada.page.locator('.ProseMirror a[href="https://example.org"]').waitFor();
    await focusIs(ada, 'Document text');
    // Where it goes can be seen without a Ctrl key, as on phones.
    await keyboard.press('Control+k');
    const there = ada.page.getByRole('dialog').getByRole('link', { name: 'Open' });
    expect(await there.getAttribute('href')).toBe('https://example.org');
    await keyboard.press('Escape');
    await focusIs(ada, 'Document text');
    await keyboard.press('Alt+KeyN');
    await focusIs(ada, /^Title/);
    await keyboard.type('Made by keyboard');
    await keyboard.press('Enter');
    await expect.poll(async () => await ada.title.inputValue(), SOON).toBe('Made by keyboard');
    await focusIs(ada, 'Document text');
  });

  it('stay open when a selection is drawn beyond their edge', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'drawn.txt');
    const { keyboard, mouse } = ada.page;
    await keyboard.press('Alt+KeyN');
    const dialog = ada.page.getByRole('dialog');
    const title = dialog.getByRole('textbox', { name: 'Title' });
    await title.fill('Not to be lost');
    const box = await title.boundingBox();
    if (box === null) throw new Error('there is no title');
    await mouse.move(box.x + 60, box.y + 10);
    await mouse.down();
    await mouse.move(5, box.y + 10);
    await mouse.up();
    expect(await title.inputValue()).toBe('Not to be lost');
    await mouse.click(5, box.y + 10);
    await dialog.waitFor({ state: 'hidden' });
  });

  it('and panels leave the text as it was', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'panel');
    await ada.type('one ');
    await ada.page.keyboard.press('Alt+KeyH');
    await focusIs(ada, 'Close history');
    await ada.page.keyboard.press('Alt+KeyC');
    await focusIs(ada, 'Close connection');
    await ada.page.keyboard.press('Enter');
    await focusIs(ada, 'Document text');
    await ada.page.keyboard.type('two');
    await shows(ada, 'one two');
  });
});

describe('keys', () => {
  it('find a document from wherever one is, though the list is out of sight', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'find', { viewport: { width: 700, height: 700 } });
    const list = ada.page.getByRole('navigation', { name: 'Documents' });
    expect(await list.isVisible()).toBe(false);
    await ada.page.keyboard.press('Alt+KeyK');
    await focusIs(ada, 'Find a document');
    await ada.page.keyboard.press('Escape');
    await focusIs(ada, 'Document text');
    expect(await list.isVisible()).toBe(false);
  });

  it('reach the toolbar as one stop, which stays where one was', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'toolbar');
    const { keyboard } = ada.page;
    const reached: string[] = [];
    for (const key of ['Alt+F10', 'ArrowRight', 'Tab', 'Shift+Tab', 'Shift+Tab']) {
      await keyboard.press(key);
      reached.push(await focused(ada));
    }
    expect(reached).toEqual([
      'Kind of paragraph',
      'Bold',
      'Document text',
      'Bold',
      'Appearance and help',
    ]);
  });

  it('that write characters on Apple’s keyboards are left to them', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'apple');
    await ada.page.addInitScript(
      `Object.defineProperty(navigator, 'platform', { value: 'MacIntel' })`,
    );
    await ada.page.reload();
    await ada.isOpen();
    const { keyboard } = ada.page;
    await ada.press('Alt+KeyS');
    await keyboard.press('Control+Alt+Slash');
    const help = ada.page.getByRole('dialog', { name: 'Keyboard' });
    await help.waitFor();
    expect(await help.innerText()).toContain('⌃ ⌥ S');
    expect(await help.innerText()).not.toContain('Ctrl');
    await keyboard.press('Escape');
  });
});

describe('the list by keyboard', () => {
  it('renames where one stands, and goes on there', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'row');
    const { keyboard } = ada.page;
    await ada.type('x');
    const actions = ada.page.getByRole('button', { name: /^Actions for/ });
    const rename = async (typed: string, end: string): Promise<void> => {
      await actions.press('Enter');
      await ada.page.getByRole('menuitem', { name: 'Rename' }).press('Enter');
      await keyboard.type(typed);
      await keyboard.press(end);
    };
    await rename('Not this', 'Escape');
    await focusIs(ada, /^row/);
    await rename('This', 'Enter');
    await focusIs(ada, /^This/);
    expect(await ada.title.inputValue()).toBe('This');
  });

  it('deletes, and offers to undo it for as long as one is there; undone, it is open again', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'kept');
    await ada.type('stays');
    await says(ada, 'Saved');
    await ada.turnTo('doomed');
    await ada.isOpen();
    await ada.type('comes back');
    await says(ada, 'Saved');
    const { keyboard } = ada.page;
    const remove = async (): Promise<void> => {
      await ada.page.getByRole('button', { name: 'Actions for doomed' }).press('Enter');
      await keyboard.press('End');
      await keyboard.press('Enter');
      await focusIs(ada, 'Undo');
    };
    await remove();
    await keyboard.press('Enter');
    await shows(ada, 'comes back');
    await focusIs(ada, 'Document text');
    await remove();
    // Away from the message: it goes, the document with it, and this browser keeps nothing of it.
    await ada.text.click();
    const rest = new Rest(url);
    await waitUntil(
      'it is gone',
      async () => (await rest.get(pathOf('doomed'))).code === 'document-deleted',
      20_000,
    );
    const copies = async (): Promise<string> =>
      await ada.page.evaluate(
        `indexedDB.databases().then((all) => all.map(({ name }) => name).join())`,
      );
    await waitUntil('its copy is gone', async () => !(await copies()).includes('doomed'));
    expect(await copies()).toContain('kept');
  });
});
