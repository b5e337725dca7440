/**
 * Chromium for the end-to-end tests, and a page object of the editor: what a person sees and does, by role
 * and name. Every person has a browser context of their own, so that nothing reaches another one through
 * BroadcastChannel: what they share went through the node.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';

/** What the browser's console says about a node that is down. */
const NODE_DOWN = /WebSocket connection to|ERR_CONNECTION_REFUSED/;

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Playwright makes a fresh user data folder for each launch and removes it. */
export async function launchBrowser(): Promise<Browser> {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('no Chromium on the PATH: install the package chromium');
  return await chromium.launch({
    executablePath: found,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export class EditorPage {
  readonly page: Page;
  readonly text: Locator;
  readonly save: Locator;
  readonly others: Locator;
  readonly self: Locator;
  readonly documentName: Locator;
  /** What the browser complained about: exceptions, violations of the content security policy. */
  readonly complaints: string[] = [];
  /** Hex of every WebSocket frame that arrived. */
  readonly received: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    this.text = page.getByRole('textbox', { name: 'Document text' });
    this.save = page.locator('#save');
    this.others = page.getByRole('list', { name: 'Also here' }).getByRole('listitem');
    this.self = page.getByRole('button', { name: /^You are/ });
    this.documentName = page.getByRole('textbox', { name: /^Document name/ });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // Neither is the page's fault; a document that nobody has made yet has no state to load.
      const isAbsent = message.location().url.endsWith('/state') && /404/.test(message.text());
      if (message.type() === 'error' && !isAbsent && !NODE_DOWN.test(message.text())) {
        this.complaints.push(message.text());
      }
    });
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) =>
        this.received.push(Buffer.from(payload).toString('hex')),
      );
    });
  }

  /** A new person opens a document and waits until it is there. */
  static async open(
    browser: Browser,
    url: string,
    documentName: string,
    options: BrowserContextOptions = {},
  ): Promise<EditorPage> {
    return await EditorPage.openTab(await browser.newContext(options), url, documentName);
  }

  /** The same person opens another tab. */
  static async openTab(context: BrowserContext, url: string, name: string): Promise<EditorPage> {
    const editor = new EditorPage(await context.newPage());
    await editor.page.goto(`${url}/#${encodeURIComponent(name)}`);
    await editor.isOpen();
    return editor;
  }

  async isOpen(): Promise<void> {
    await this.page.locator('#text:not([readonly])').waitFor();
  }

  async type(text: string): Promise<void> {
    await this.text.pressSequentially(text);
  }

  async value(): Promise<string> {
    return await this.text.inputValue();
  }

  async saveWords(): Promise<string> {
    return await this.page.locator('#save-words').innerText();
  }
}
