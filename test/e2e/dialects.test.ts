/**
 * The editors that people have on other servers' clients, in a real browser, unmodified: Tiptap 3 on Hocuspocus' provider,
 * CodeMirror 6 on y-websocket, ProseMirror on Y-Sweet's client. The page has nothing of Syncline's in it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from 'vite';
import { startNode, type RunningNode } from '../support/in-process-node.ts';
import { waitUntil } from '../support/wait-until.ts';
import { launchBrowser } from './browser.ts';

/** From dist/test/e2e to the sources: the page is bundled from there. */
const PAGES = fileURLToPath(new URL('../../../test/e2e/dialect-pages', import.meta.url));

interface Chunk {
  readonly fileName: string;
  readonly type: 'asset' | 'chunk';
  readonly source?: string | Uint8Array;
  readonly code?: string;
}

let browser: Browser;
let pages: Server;
let origin: string;

beforeAll(async () => {
  const bundle = (await build({
    root: PAGES,
    base: './',
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: false, target: 'es2023' },
  })) as { readonly output: readonly Chunk[] };
  const files = new Map(
    bundle.output.map(({ fileName, source, code }) => [`/${fileName}`, source ?? code ?? '']),
  );
  pages = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname;
    const file = files.get(path === '/' ? '/index.html' : path);
    response.setHeader('Content-Type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  browser = await launchBrowser();
}, 120_000);

afterAll(async () => {
  await browser.close();
  pages.close();
});

type EditorName = 'tiptap' | 'codemirror' | 'prosemirror';

const EDITORS: readonly (readonly [EditorName, string])[] = [
  ['tiptap', 'Tiptap 3 with @hocuspocus/provider'],
  ['codemirror', 'CodeMirror 6 with y-codemirror.next'],
  ['prosemirror', 'ProseMirror with y-prosemirror'],
];

/** A person with a browser of their own. */
class Person {
  readonly page: Page;
  readonly name: string;

  constructor(page: Page, name: string) {
    this.page = page;
    this.name = name;
  }

  static async open(node: RunningNode, editor: EditorName, user: string): Promise<Person> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const query = new URLSearchParams({
      editor,
      server: node.webSocketUrl,
      document: 'notes',
      user,
    });
    await page.goto(`${origin}/?${query.toString()}`);
    await page.waitForSelector('[contenteditable=true]');
    return new Person(page, user);
  }

  /** Without others' cursors. */
  async text(): Promise<string> {
    return await this.page.evaluate<string>(`(() => {
      const copy = document.querySelector('[contenteditable=true]').cloneNode(true);
      for (const extra of copy.querySelectorAll('.ProseMirror-yjs-cursor, .cm-ySelectionCaret')) extra.remove();
      return copy.textContent.replaceAll('\\u2060', '').replaceAll('\\u200b', '').trim();
    })()`);
  }

  async type(text: string): Promise<void> {
    await this.page.locator('[contenteditable=true]').click();
    await this.page.keyboard.press('Control+End');
    await this.page.keyboard.type(text);
  }

  async undo(): Promise<void> {
    await this.page.keyboard.press('Control+z');
  }

  async isSaved(): Promise<boolean> {
    return await this.page.evaluate<boolean>('window.seen.isSaved()');
  }

  async people(): Promise<string> {
    return (await this.page.evaluate<string[]>('window.seen.people()')).join();
  }

  async sees(text: string): Promise<void> {
    await waitUntil(`${this.name} sees ${text}`, async () => (await this.text()) === text, 20_000);
  }
}

async function converse(a: Person, b: Person): Promise<void> {
  await waitUntil(
    'they see each other',
    async () => (await a.people()) === 'Ada,Bob' && (await b.people()) === 'Ada,Bob',
  );
  await a.type('hello');
  await b.sees('hello');
  await waitUntil('saved', () => a.isSaved());
  await b.type(' world');
  await a.sees('hello world');
  await b.undo();
  await a.sees('hello');
  await b.sees('hello');
  await waitUntil('saved', async () => (await a.isSaved()) && (await b.isSaved()));
}

describe('in a browser', () => {
  for (const [editor, what] of EDITORS) {
    it(`${what}: text, undo, presence and "saved"`, { timeout: 90_000 }, async () => {
      const node = await startNode({ allowedOrigins: [origin] });
      await converse(
        await Person.open(node, editor, 'Ada'),
        await Person.open(node, editor, 'Bob'),
      );
      expect((await node.node.documents.metadata('notes' as never)).connections).toBe(2);
    });
  }

  it(
    'Tiptap on Hocuspocus and ProseMirror on Y-Sweet in one document',
    { timeout: 90_000 },
    async () => {
      const node = await startNode({ allowedOrigins: [origin] });
      await converse(
        await Person.open(node, 'tiptap', 'Ada'),
        await Person.open(node, 'prosemirror', 'Bob'),
      );
      expect((await node.node.documents.metadata('notes' as never)).connections).toBe(2);
    },
  );
});
