/**
 * `npm run screenshots`: every main state of the editor page, written to docs/images/. People have names and texts that
 * never change, so that pictures change only when the page does.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { createNode, type Config } from '../../server/index.ts';
import { waitUntil } from '../support/wait-until.ts';
import { EditorPage, launchBrowser } from './browser.ts';
import { CODE, NOTES, PLAN } from './screenshot-texts.ts';

const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const SECRET = 'a-secret-that-is-only-for-pictures-0123456789';
const PEOPLE = {
  ada: { name: 'Ada Byron', color: '#6750c4' },
  ben: { name: 'Ben Okri', color: '#00736b' },
  cleo: { name: 'Cleo Marsh', color: '#a3510b' },
} as const;

class Photographer {
  readonly #browser: Browser;
  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async open(
    url: string,
    name: string,
    who: keyof typeof PEOPLE,
    options: BrowserContextOptions = {},
  ): Promise<EditorPage> {
    const context = await this.#browser.newContext({
      viewport: { width: 1180, height: 720 },
      colorScheme: 'light',
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ...options,
    });
    await context.addInitScript(
      `localStorage.setItem('syncline.person', ${JSON.stringify(JSON.stringify(PEOPLE[who]))})`,
    );
    return await EditorPage.openTab(context, url, name);
  }

  async take({ page }: EditorPage, name: string): Promise<void> {
    await page.mouse.move(2, 2);
    await page.screenshot({ path: join(IMAGES, `${name}.png`), animations: 'disabled' });
    process.stdout.write(`docs/images/${name}.png\n`);
  }
}

async function startNode(config: Partial<Config> = {}): Promise<{
  url: string;
  store: MemoryStore;
  close: () => Promise<void>;
}> {
  let store: MemoryStore | undefined;
  const node = createNode(
    { port: 0, logLevel: 'silent', region: 'eu', ...config },
    {
      createStore: (observer) => {
        store = new MemoryStore({ observer });
        return store;
      },
    },
  );
  const url = await node.listen();
  if (store === undefined) throw new Error('the node made no store');
  return { url, store, close: async () => await node.close() };
}

async function says(editor: EditorPage, words: string): Promise<void> {
  await waitUntil(words, async () => (await editor.saveWords()) === words, 30_000);
}

async function titled(editor: EditorPage, title: string): Promise<void> {
  await editor.title.fill(title);
  await editor.title.press('Enter');
}

/** One node, two or three people, everything that happens in a day. */
async function work(photographer: Photographer): Promise<void> {
  const { url, store, close } = await startNode();
  const ada = await photographer.open(url, 'release-plan', 'ada');
  await photographer.take(ada, 'empty');
  await ada.type(PLAN);
  await titled(ada, 'Release plan');
  await says(ada, 'Saved');
  for (const [name, title, text] of [
    ['retro', 'Retrospective', 'What went well\n'],
    ['interview-notes', 'Interview notes', NOTES],
    ['replay.ts', 'replay.ts', CODE],
  ] as const) {
    await ada.turnTo(name);
    await ada.isOpen();
    await ada.type(text);
    if (title !== name) await titled(ada, title);
    await says(ada, 'Saved');
  }
  const cleo = await photographer.open(url, 'replay.ts', 'cleo');
  await cleo.press('Control+End');
  await cleo.press('ArrowUp');
  await ada.page.locator('.caret').waitFor();
  await photographer.take(ada, 'code');

  await ada.turnTo('release-plan');
  await ada.isOpen();
  const ben = await photographer.open(url, 'release-plan', 'ben');
  await ben.page.getByText('Freeze the protocol', { exact: true }).click();
  await ben.press('End');
  await cleo.turnTo('release-plan');
  await cleo.isOpen();
  await cleo.page.getByText('Everybody who has the link').dblclick();
  await waitUntil('both are there', async () => (await ada.page.locator('.caret').count()) === 2);
  await ada.page.locator('.ProseMirror').evaluate('(element) => element.blur()');
  await photographer.take(ada, 'rich-text');

  const dark = await photographer.open(url, 'release-plan', 'ada', { colorScheme: 'dark' });
  await dark.page.locator('.caret').first().waitFor();
  await photographer.take(dark, 'dark');
  await dark.page.context().close();

  const phone = await photographer.open(url, 'release-plan', 'ada', {
    viewport: { width: 390, height: 760 },
    hasTouch: true,
    isMobile: true,
  });
  await photographer.take(phone, 'phone');
  await phone.page.context().close();

  await ada.panel('Connection');
  await ada.press('Control+End');
  await ada.text.pressSequentially(' Signed off by Ada, Ben and Cleo.', { delay: 60 });
  await ada.page.getByText('Time to save').waitFor();
  await says(ada, 'Saved');
  await photographer.take(ada, 'connection');

  await ada.panel('History');
  for (const label of ['First draft', 'After the review']) {
    await ada.page.getByRole('textbox', { name: 'What to call this version' }).fill(label);
    await ada.page.getByRole('button', { name: 'Keep' }).click();
    await ada.page.getByRole('button', { name: new RegExp(`^${label}`) }).waitFor();
  }
  await ben.type(' and tell everybody');
  await ben.page.getByText('Signed off by').click();
  await ben.press('End');
  await ben.press('Backspace', 16);
  await says(ben, 'Saved');
  await photographer.take(ada, 'history');
  await ada.page.getByRole('button', { name: /^After the review/ }).click();
  await ada.page.locator('.version ins').first().waitFor();
  await photographer.take(ada, 'compare');
  await ada.page.keyboard.press('Escape');
  await ada.panel('History');

  await ada.page.getByRole('button', { name: 'New document' }).click();
  await photographer.take(ada, 'new-document');
  await ada.page.keyboard.press('Escape');

  store.failWrites();
  await ada.press('Control+End');
  await ada.type(' One more line.');
  await says(ada, 'Not saved: disk full on the server');
  await photographer.take(ada, 'disk-full');
  store.recover();
  await says(ada, 'Saved');
  await close();
  await says(ada, 'Offline');
  await ada.type(' Written on a train.');
  await photographer.take(ada, 'offline');
  for (const { page } of [ada, ben, cleo]) await page.context().close();
}

/** A node with access control: links, and what they let one do. */
async function access(photographer: Photographer): Promise<void> {
  const { url, close } = await startNode({ jwtSecret: SECRET });
  const { mintToken } = await import('../../server/access/mint.ts');
  const { createSecretKey } = await import('node:crypto');
  const token = mintToken(
    { algorithm: 'HS256', key: createSecretKey(Buffer.from(SECRET)), keyId: null },
    {
      subject: 'ada',
      docs: [{ match: '*', access: 'admin' }],
      issuer: null,
      audience: null,
      nowMs: Date.now(),
      expiresAtMs: Date.now() + 3_600_000,
      isTicket: false,
      parentId: null,
    },
  );
  const ada = await photographer.open(url, `team/plan?token=${token}`, 'ada');
  await ada.type(PLAN);
  await titled(ada, 'Release plan');
  await says(ada, 'Saved');
  await ada.page.getByRole('button', { name: 'Share' }).click();
  await ada.page.getByRole('radio', { name: /can read/ }).check();
  await ada.page.getByRole('button', { name: 'Make a link' }).click();
  const link = ada.page.getByRole('textbox', { name: 'Link to read' });
  const value = await link.inputValue();
  await photographer.take(ada, 'share');
  const context = await ada.page
    .context()
    .browser()
    ?.newContext({
      viewport: { width: 1180, height: 720 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
  if (context === undefined) throw new Error('no browser');
  const ben = await EditorPage.visit(context, url, value.slice(value.indexOf('#') + 1));
  await ben.page.locator('#read-only').waitFor();
  await ben.page.getByText('Freeze the protocol', { exact: true }).waitFor();
  await photographer.take(ben, 'view-only');
  const stranger = await EditorPage.visit(context, url, 'team/other');
  await stranger.page.getByRole('alert').waitFor();
  await photographer.take(stranger, 'refused');
  await context.close();
  await ada.page.context().close();
  await close();
}

mkdirSync(IMAGES, { recursive: true });
const browser = await launchBrowser();
try {
  const photographer = new Photographer(browser);
  await work(photographer);
  await access(photographer);
} finally {
  await browser.close();
}
