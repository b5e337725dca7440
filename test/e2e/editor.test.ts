/** The editor page in a real browser against a real node. */
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { createNode } from '../../server/index.ts';
import type { Config, Node, NodeParts } from '../../server/index.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';
import { EditorPage, launchBrowser } from './browser.ts';

const SOON = { timeout: 10_000 };

let browser: Browser;
const opened: EditorPage[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
});

afterEach(async () => {
  const pages = opened.splice(0);
  for (const { page } of pages) await page.context().close();
  const complaints = pages.flatMap((editor) => editor.complaints);
  if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join('; ')}`);
});

async function startNode(
  config: Partial<Config> = {},
  parts: NodeParts = {},
): Promise<{ node: Node; url: string }> {
  const node = createNode({ port: 0, logLevel: 'silent', ...config }, parts);
  const url = await node.listen();
  onTestFinished(async () => {
    await node.close();
  });
  return { node, url };
}

/** A node whose disk the test can take away. */
async function startFragileNode(): Promise<{ url: string; store: MemoryStore }> {
  let store: MemoryStore | undefined;
  const createStore: NodeParts['createStore'] = (observer) => {
    store = new MemoryStore({ observer });
    return store;
  };
  const { url } = await startNode({}, { createStore });
  if (store === undefined) throw new Error('the node made no store');
  return { url, store };
}

async function open(
  url: string,
  name: string,
  options: BrowserContextOptions = {},
): Promise<EditorPage> {
  const editor = await EditorPage.open(browser, url, name, options);
  opened.push(editor);
  return editor;
}

async function says(editor: EditorPage, words: string, timeoutMs?: number): Promise<void> {
  await waitUntil(
    `the page says “${words}”`,
    async () => (await editor.saveWords()) === words,
    timeoutMs,
  );
}

async function shows(editor: EditorPage, text: string): Promise<void> {
  await waitUntil(`the page shows “${text}”`, async () => (await editor.value()) === text);
}

describe('two people', () => {
  it('[I2] type at once, converge, and neither breaks up what the other types', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'both'), await open(url, 'both')];
    await Promise.all([ada.type('a'.repeat(80)), ben.type('b'.repeat(80))]);
    await says(ada, 'All changes saved');
    await says(ben, 'All changes saved');
    await waitUntil('160 characters', async () => (await ada.value()).length === 160);
    const text = await ada.value();
    await shows(ben, text);
    expect(['a'.repeat(80) + 'b'.repeat(80), 'b'.repeat(80) + 'a'.repeat(80)]).toContain(text);
    await shows(await open(url, 'both'), text);
  });

  it('keep their carets while the other types before them', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'carets'), await open(url, 'carets')];
    await ada.type('hello world');
    await shows(ben, 'hello world');
    await ada.text.press('Home');
    for (let i = 0; i < 5; i++) await ada.text.press('ArrowRight');
    await ben.text.press('Home');
    await ben.type('>> ');
    await shows(ada, '>> hello world');
    await ada.type(', dear');
    await expect.poll(async () => await ben.value(), SOON).toBe('>> hello, dear world');
  });

  it('undo their own edits only, and redo them', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'undo'), await open(url, 'undo')];
    await ada.type('mine ');
    await shows(ben, 'mine ');
    await ben.text.press('End');
    await ben.type('theirs');
    await shows(ada, 'mine theirs');
    await ada.text.press('Control+z');
    await shows(ben, 'theirs');
    await ada.text.press('Control+Shift+z');
    await expect.poll(async () => await ben.value(), SOON).toBe('mine theirs');
  });

  it('see each other by name, as text whatever the name holds, until one leaves', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'presence'), await open(url, 'presence')];
    await ada.self.click();
    await ada.page.getByRole('textbox', { name: 'Name', exact: true }).fill('Ada <img src=x>');
    await ada.page.getByRole('radio', { name: 'blue' }).check();
    await ada.page.getByRole('button', { name: 'Done' }).click();
    await waitUntil('Ben sees Ada', async () =>
      (await ben.others.allInnerTexts()).join().includes('Ada <img src=x>'),
    );
    expect(await ben.page.locator('#others img').count()).toBe(0);
    expect(await ada.others.count()).toBe(1);
    const again = await EditorPage.openTab(ada.page.context(), url, 'presence');
    expect(await again.self.innerText()).toContain('Ada <img src=x>');
    await again.page.close();
    await ada.page.close();
    await waitUntil('Ada is gone', async () => (await ben.others.count()) === 0);
  });
});

it('two tabs of one browser type at once and converge, each saving its own', async () => {
  const { url } = await startNode({ dataDir: tempDir() });
  const first = await open(url, 'tabs');
  const second = await EditorPage.openTab(first.page.context(), url, 'tabs');
  await Promise.all([first.type('one '.repeat(10)), second.type('two '.repeat(10))]);
  await says(first, 'All changes saved');
  await says(second, 'All changes saved');
  await waitUntil('80 characters', async () => (await first.value()).length === 80);
  const text = await first.value();
  await shows(second, text);
  const late = await open(url, 'tabs');
  await expect.poll(async () => await late.value(), SOON).toBe(text);
});

describe('the save state', () => {
  it('[I1] [I5] is “saving” until the ack that follows the disk, while others see the edits at once', async () => {
    const { url, store } = await startFragileNode();
    const [ada, ben] = [await open(url, 'disk'), await open(url, 'disk')];
    await ada.type('saved');
    await says(ada, 'All changes saved');
    expect(ada.received).toContain('660105');
    store.failWrites();
    await ada.type(' or not');
    await shows(ben, 'saved or not');
    await says(ada, 'Saving… (7)');
    await says(ben, 'All changes saved');
    expect(ada.received.filter((frame) => frame > '660105' && frame < '6602')).toEqual([]);
    store.recover();
    await says(ada, 'All changes saved');
    expect(ada.received).toContain('66010c');
  });

  it('[I5] counts what is typed offline, and the node that comes back has it all', async () => {
    const dataDir = tempDir();
    const first = await startNode({ dataDir });
    const ada = await open(first.url, 'offline');
    await ada.type('online');
    await says(ada, 'All changes saved');
    await first.node.close();
    await says(ada, 'Offline');
    await ada.type(', off');
    await says(ada, 'Offline — 5 changes kept in this tab');
    const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
    await says(ada, 'All changes saved', 30_000);
    const late = await open(second.url, 'offline');
    await expect.poll(async () => await late.value(), SOON).toBe('online, off');
  });

  it('[I1] a reloaded page and a restarted node show what was saved', async () => {
    const dataDir = tempDir();
    const first = await startNode({ dataDir });
    const ada = await open(first.url, 'restart');
    await ada.type('kept ☃ 😀');
    await says(ada, 'All changes saved');
    await first.node.close();
    const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
    await ada.page.reload();
    await ada.isOpen();
    await shows(ada, 'kept ☃ 😀');
    const late = await open(second.url, 'restart');
    await expect.poll(async () => await late.value(), SOON).toBe('kept ☃ 😀');
  });

  it('asks before a tab closes with unsaved changes, and only then', async () => {
    const { url, store } = await startFragileNode();
    const [ada, ben] = [await open(url, 'closing'), await open(url, 'closing')];
    await ada.type('x');
    await says(ada, 'All changes saved');
    store.failWrites();
    await ada.type('y');
    await says(ada, 'Saving… (1)');
    const question = ada.page.waitForEvent('dialog');
    await ada.page.close({ runBeforeUnload: true });
    const dialog = await question;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    expect(ada.page.isClosed()).toBe(false);
    const closed = ben.page.waitForEvent('close');
    await ben.page.close({ runBeforeUnload: true });
    await closed;
    store.recover();
    await says(ada, 'All changes saved');
  });

  it('belongs to the document: what was left unsaved offline is saved after turning to another', async () => {
    const dataDir = tempDir();
    const first = await startNode({ dataDir });
    const ada = await open(first.url, 'left');
    await ada.type('unfi');
    await says(ada, 'All changes saved');
    await first.node.close();
    await says(ada, 'Offline');
    await ada.type('nished');
    await ada.documentName.fill('right');
    await ada.documentName.press('Enter');
    await says(ada, 'Connecting…');
    expect(new URL(ada.page.url()).hash).toBe('#right');
    const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
    await ada.isOpen();
    expect(await ada.value()).toBe('');
    const late = await open(second.url, 'left');
    await expect.poll(async () => await late.value(), SOON).toBe('unfinished');
  });
});

describe('the page', () => {
  it('leaves an input method alone while others type', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'ime'), await open(url, 'ime')];
    await ada.type('[]');
    await shows(ben, '[]');
    await ada.text.press('ArrowLeft');
    const session = await ada.page.context().newCDPSession(ada.page);
    const compose = async (text: string): Promise<void> => {
      await session.send('Input.imeSetComposition', {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    };
    await compose('k');
    await ben.text.press('Home');
    await ben.type('before ');
    await shows(ben, 'before [k]');
    await compose('か');
    await compose('かn');
    expect(await ada.value()).toBe('[かn]');
    await compose('かな');
    await session.send('Input.insertText', { text: '仮名' });
    await shows(ben, 'before [仮名]');
    await shows(ada, 'before [仮名]');
    await ada.type('!');
    await shows(ben, 'before [仮名!]');
  });

  it('is reached in order, and with a visible focus, by keyboard alone', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'keys');
    await ada.documentName.focus();
    const reached: string[] = [];
    for (let i = 0; i < 3; i++) {
      await ada.page.keyboard.press('Tab');
      const focused = ada.page.locator(':focus-visible');
      reached.push((await focused.getAttribute('id')) ?? '');
    }
    expect(reached).toEqual(['self', 'copy-link', 'text']);
  });

  it('says what is wrong with a name that cannot be one, and recovers', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'names');
    await ada.page.goto(`${url}/#..%2Fx`);
    await ada.page.getByRole('alert').getByText('names no document').waitFor();
    await ada.documentName.fill('team/Über uns');
    await ada.documentName.press('Enter');
    await ada.isOpen();
    expect(new URL(ada.page.url()).hash).toBe('#team/%C3%9Cber%20uns');
    await ada.type('hi');
    await says(ada, 'All changes saved');
    await shows(await open(url, 'team/Über uns'), 'hi');
  });
});
