/** People at the editor page, in a real browser against a real node: both kinds of document. */
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';
import { browserStage, says, shows, startNode } from './stage.ts';

const SOON = { timeout: 10_000 };
const { open, openTab, visit } = browserStage();

/** The ending of a name says what an empty document is. */
describe.each([
  ['rich text', ''],
  ['plain text', '.txt'],
])('two people in %s', (_kind, ending) => {
  it('[I2] type at once into one paragraph, converge, and neither breaks up what the other types', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const name = `both${ending}`;
    const ada = await open(url, name);
    // Two people who begin an empty rich text at the same moment begin a paragraph each.
    await ada.type('|');
    const ben = await open(url, name);
    await shows(ben, '|');
    await ben.press('End');
    await Promise.all([ada.type('a'.repeat(60)), ben.type('b'.repeat(60))]);
    await says(ada, 'Saved');
    await says(ben, 'Saved');
    await waitUntil('121 characters', async () => (await ada.value()).length === 121);
    const text = await ada.value();
    await shows(ben, text);
    expect([
      `|${'a'.repeat(60)}${'b'.repeat(60)}`,
      `|${'b'.repeat(60)}${'a'.repeat(60)}`,
    ]).toContain(text);
    // Each sees the other's cursor, with a name.
    for (const editor of [ada, ben]) {
      expect(await editor.page.locator('.caret-name').allInnerTexts()).toHaveLength(1);
    }
    await shows(await open(url, name), text);
  });

  it('keep their carets while the other types before them', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const name = `carets${ending}`;
    const [ada, ben] = [await open(url, name), await open(url, name)];
    await ada.type('hello world');
    await shows(ben, 'hello world');
    await ada.press('Home');
    await ada.press('ArrowRight', 5);
    await ben.press('Home');
    await ben.type('>> ');
    await shows(ada, '>> hello world');
    await ada.type(', dear');
    await expect.poll(async () => await ben.value(), SOON).toBe('>> hello, dear world');
  });

  it('undo their own edits only, and redo them', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const name = `undo${ending}`;
    const ada = await open(url, name);
    await ada.type('start ');
    const ben = await open(url, name);
    await shows(ben, 'start ');
    await waitUntil('a new step of undo begins', async () => await later(ada.page));
    await ada.type('mine ');
    await shows(ben, 'start mine ');
    await ben.press('End');
    await ben.type('theirs');
    await shows(ada, 'start mine theirs');
    await ada.press('Control+z');
    await shows(ben, 'start theirs');
    await ada.press('Control+Shift+Z');
    await expect.poll(async () => await ben.value(), SOON).toBe('start mine theirs');
  });

  it('are not disturbed by each other while an input method composes', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const name = `ime${ending}`;
    const [ada, ben] = [await open(url, name), await open(url, name)];
    await ada.type('[]');
    await shows(ben, '[]');
    await ada.press('ArrowLeft');
    const session = await ada.page.context().newCDPSession(ada.page);
    const compose = async (text: string): Promise<void> => {
      await session.send('Input.imeSetComposition', {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    };
    await compose('k');
    await compose('か');
    await ben.press('End');
    await ben.type(' after');
    await compose('かn');
    await compose('かな');
    await session.send('Input.insertText', { text: '仮名' });
    await shows(ben, '[仮名] after');
    await shows(ada, '[仮名] after');
    await ada.type('!');
    await shows(ben, '[仮名!] after');
  });
});

/** The undo managers of Yjs join what follows within half a second. */
async function later(page: { evaluate<T>(script: string): Promise<T> }): Promise<boolean> {
  return await page.evaluate<boolean>(`new Promise((r) => setTimeout(() => r(true), 600))`);
}

describe('people', () => {
  it('see each other by name, as text whatever the name holds, until one leaves', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const [ada, ben] = [await open(url, 'presence'), await open(url, 'presence')];
    await ada.self.click();
    await ada.page.getByRole('textbox', { name: 'Name', exact: true }).fill('Ada <img src=x>');
    await ada.page.getByRole('radio', { name: 'blue' }).check();
    await ada.page.getByRole('button', { name: 'Done' }).click();
    await waitUntil('Ben sees Ada', async () =>
      (await ben.others.allTextContents()).join().includes('Ada <img src=x>'),
    );
    expect(await ben.page.locator('#others img').count()).toBe(0);
    expect(await ada.others.count()).toBe(1);
    const again = await openTab(ada, url, 'presence');
    expect(await again.self.textContent()).toContain('Ada <img src=x>');
    await again.page.close();
    await ada.page.close();
    await waitUntil('Ada is gone', async () => (await ben.others.count()) === 0);
  });

  it('follow each other’s cursor until they move themselves', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'follow');
    await ada.press('Enter', 60);
    await ada.type('the end');
    const ben = await open(url, 'follow');
    const follow = ben.page.getByRole('button', { name: /^Follow / });
    await follow.click();
    await ada.type('!');
    const caret = ben.page.locator('.caret');
    await waitUntil('Ben is shown where Ada is', async () => {
      const box = await caret.boundingBox();
      return box !== null && box.y > 0 && box.y < 700;
    });
    expect(await ben.page.locator('.follow-note').innerText()).toContain('Following');
    await ben.press('ArrowUp');
    expect(await ben.page.locator('.follow-note').count()).toBe(0);
  });

  it('have two tabs of one browser, which type at once, converge, and each save their own', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const first = await open(url, 'tabs.txt');
    const second = await openTab(first, url, 'tabs.txt');
    await Promise.all([first.type('one '.repeat(10)), second.type('two '.repeat(10))]);
    await says(first, 'Saved');
    await says(second, 'Saved');
    await waitUntil('80 characters', async () => (await first.value()).length === 80);
    const text = await first.value();
    await shows(second, text);
    const late = await open(url, 'tabs.txt');
    await expect.poll(async () => await late.value(), SOON).toBe(text);
  });
});

describe('the page', () => {
  it('writes rich text: shortcuts, lists, tasks, tables, links, and pictures that load only when asked for', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'rich');
    await ada.type('# Title\nSome **bold** text\n- item\n\n[ ] task\n\n```\ncode');
    for (const selector of ['h1', 'strong', 'ul li', 'ul[data-type=taskList] li', 'pre code']) {
      await ada.page.locator(`.ProseMirror ${selector}`).first().waitFor();
    }
    await ada.press('Control+End');
    await ada.press('Control+Enter');
    await ada.page.getByRole('button', { name: 'Table', exact: true }).click();
    await ada.page.locator('.ProseMirror table').waitFor();
    await ada.page.getByRole('button', { name: 'Row below' }).click();
    expect(await ada.page.locator('.ProseMirror tr').count()).toBe(4);
    await ada.press('Control+Home');
    await ada.page.getByRole('button', { name: 'Picture' }).click();
    const address = ada.page.getByRole('textbox', { name: 'Address' });
    await address.fill('javascript:alert(1)');
    await ada.page.getByRole('button', { name: 'Insert' }).click();
    await ada.page.getByRole('alert').getByText('begin with https').waitFor();
    const asked: string[] = [];
    ada.page.on('request', (request) => asked.push(request.url()));
    await address.fill('https://pictures.invalid/cat.png');
    await ada.page.getByRole('button', { name: 'Insert' }).click();
    await ada.page
      .getByRole('button', { name: 'Show the picture from pictures.invalid' })
      .waitFor();
    await ada.page.locator('.ProseMirror p').first().dblclick();
    await ada.page.getByRole('button', { name: 'Link' }).click();
    await ada.page.getByRole('textbox', { name: 'Address' }).fill('example.org/x');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Link' }).click();
    expect(await ada.page.locator('.ProseMirror a').getAttribute('href')).toBe(
      'https://example.org/x',
    );
    await says(ada, 'Saved');
    expect(asked.filter((one) => !one.startsWith(url))).toEqual([]);
  });

  it('keeps what is bold, italic or struck out in what other programs paste, and nothing else of their styles', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'pasted');
    // As Google Docs writes it, and as others do.
    const html = `<b style="font-weight:normal;" id="docs-internal-guid-1"><p style="color:red">
      <span style="font-weight:700">bold</span> <span style="font-style:italic">slanted</span>
      <span style="text-decoration:line-through">struck</span> plain, style = none</p></b>
      <p><a href="javascript:alert(1)">bad</a> <a style="text-decoration:underline" href="https://example.org">good</a></p>`;
    await ada.page.evaluate(`(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/html', ${JSON.stringify(html)});
      const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
      document.querySelector('.ProseMirror').dispatchEvent(paste);
    })()`);
    const all = async (selector: string): Promise<readonly string[]> =>
      await ada.page.locator(`.ProseMirror ${selector}`).allInnerTexts();
    await shows(ada, 'bold slanted struck plain, style = none\nbad good');
    expect(await all('strong')).toEqual(['bold']);
    expect(await all('em')).toEqual(['slanted']);
    expect(await all('s')).toEqual(['struck']);
    expect(await all('u')).toEqual([]);
    expect(await all('a')).toEqual(['good']);
  });

  it.each([
    ['rich text', 'paper'],
    ['code', 'paper.ts'],
  ])('prints %s: all of it, and nothing else of the page', async (_kind, name) => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, name, { colorScheme: 'dark' });
    for (let i = 0; i < 120; i++) await ada.page.keyboard.insertText(`line ${i}\n`);
    await says(ada, 'Saved');
    const pdf = (await ada.page.pdf({ format: 'A4' })).toString('latin1');
    expect(pdf.match(/\/Type\s*\/Page\b/g)?.length).toBeGreaterThan(1);
    await ada.page.emulateMedia({ media: 'print' });
    for (const part of ['.head', '.sidebar', '.toasts']) {
      expect(await ada.page.locator(part).isVisible()).toBe(false);
    }
    expect(
      await ada.page.evaluate('getComputedStyle(document.querySelector("#document")).color'),
    ).toBe('rgb(0, 0, 0)');
  });

  it('is reached in order, and with a visible focus, by keyboard alone', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'keys.txt');
    await ada.title.focus();
    const reached: string[] = [];
    for (let i = 0; i < 7; i++) {
      await ada.page.keyboard.press('Tab');
      const focused = ada.page.locator(':focus-visible');
      reached.push(
        (await focused.last().getAttribute('aria-label')) ?? (await focused.innerText()),
      );
    }
    expect(reached.map((label) => label.split(/[.:]/)[0])).toEqual([
      'Saved',
      expect.stringMatching(/^You are/),
      'Share',
      'History',
      'Connection',
      'Appearance and help',
      'Document text',
    ]);
    await ada.page.keyboard.press('Alt+KeyN');
    await ada.page.getByRole('dialog', { name: 'New document' }).waitFor();
    await ada.page.keyboard.press('Escape');
    await ada.page.keyboard.press('Control+k');
    expect(await ada.page.locator(':focus').getAttribute('aria-label')).toBe('Find a document');
  });

  it('says what is wrong with a name that cannot be one, and recovers', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await visit(url, '../x');
    await ada.page.getByRole('alert').getByText('names no document').waitFor();
    await ada.turnTo('team/Über uns');
    await ada.isOpen();
    await ada.type('hi');
    await says(ada, 'Saved');
    await shows(await open(url, 'team/Über uns'), 'hi');
  });

  it('shows the text after one REST load, before the socket is up', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'first');
    await ada.type('already here');
    await says(ada, 'Saved');
    const ben = await visit(url, 'first', {});
    await ben.page.close();
    const context = ada.page.context().browser();
    if (context === null) throw new Error('no browser');
    const slow = await context.newContext();
    const page = await slow.newPage();
    // A socket that never opens; the test ends before events are tried beside it.
    await page.routeWebSocket(/.*/, () => {});
    await page.goto(`${url}/#first`);
    await page.getByText('already here').waitFor({ timeout: 3_000 });
    expect(await page.locator('#save-words').innerText()).not.toBe('Saved');
    await slow.close();
  });
});
