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
const NODE_DOWN =
  /WebSocket connection to|ERR_(?:CONNECTION_|SOCKET_|EMPTY_RESPONSE|INTERNET_DISCONNECTED|FAILED)/;
/** A document that nobody has made yet has nothing to load; a token that has ended is refused. */
const EXPECTED = /status of (?:401|404|503)/;

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

const PAINTED_MS = 30;

/** What stands in the text, without others' cursors; runs in the page. */
const READ_TEXT = `(() => {
  const place = document.querySelector('.text-place');
  const rich = document.querySelector('.ProseMirror');
  const lines = place?.shadowRoot
    ? [...place.shadowRoot.querySelectorAll('.cm-line')]
    : [...(rich?.querySelectorAll('p, h1, h2, h3, pre') ?? [])];
  return lines.map((line) => {
    const copy = line.cloneNode(true);
    for (const extra of copy.querySelectorAll('.caret, .cm-placeholder')) extra.remove();
    return copy.textContent.replaceAll('\\u200b', '').replaceAll('\\u2060', '');
  }).join('\\n');
})()`;

export class EditorPage {
  readonly page: Page;
  readonly text: Locator;
  readonly save: Locator;
  readonly others: Locator;
  readonly self: Locator;
  readonly title: Locator;
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
    this.title = page.getByRole('textbox', { name: 'Title', exact: true });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      const text = message.text();
      const isAbsent = message.location().url.includes('/v1/documents') && EXPECTED.test(text);
      if (message.type() === 'error' && !isAbsent && !NODE_DOWN.test(text)) {
        this.complaints.push(text);
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
    const editor = await EditorPage.visit(context, url, name);
    await editor.isOpen();
    return editor;
  }

  /** As `openTab`, for a document that may not open. */
  static async visit(context: BrowserContext, url: string, name: string): Promise<EditorPage> {
    const editor = new EditorPage(await context.newPage());
    const hash = name.includes('?') ? name : encodeURIComponent(name);
    const [path, query] = url.split('?', 2) as [string, string | undefined];
    await editor.page.goto(`${path}/${query === undefined ? '' : `?${query}`}#${hash}`);
    return editor;
  }

  async isOpen(): Promise<void> {
    await this.page.locator('[aria-label="Document text"][contenteditable="true"]').waitFor();
  }

  /** Turns to another document in the same tab. */
  async turnTo(name: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(encodeURIComponent(name))}`);
  }

  /**
   * As a person does it. Whoever presses the next key before the page has painted is faster than the editor, which
   * learns of a caret that the browser has moved by an event, and puts its own back some 20 ms after it got the focus.
   */
  async press(key: string, times: number = 1): Promise<void> {
    await this.text.focus();
    await this.#painted();
    for (let time = 0; time < times; time += 1) {
      await this.page.keyboard.press(key);
      await this.#painted();
    }
  }

  async type(text: string): Promise<void> {
    await this.text.pressSequentially(text);
  }

  async #painted(): Promise<void> {
    await this.page.evaluate(
      `new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, ${PAINTED_MS})))`,
    );
  }

  async value(): Promise<string> {
    return await this.page.evaluate<string>(READ_TEXT);
  }

  async saveWords(): Promise<string> {
    return await this.page.locator('#save-words').innerText();
  }

  /** Opens the panel of that name, or closes it. */
  async panel(name: 'History' | 'Connection'): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** From now on this page's service worker answers for the page itself. */
  async isKeptOffline(): Promise<void> {
    await this.page.evaluate(`navigator.serviceWorker.ready.then(() => true)`);
  }
}
