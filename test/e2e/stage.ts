/** What the browser tests share: one Chromium a file, nodes that end with their test, and people at the page. */
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, onTestFinished, vi } from 'vitest';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { createNode } from '../../server/index.ts';
import type { Config, Node, NodeParts } from '../../server/index.ts';
import { waitUntil } from '../support/wait-until.ts';
import { EditorPage, launchBrowser } from './browser.ts';

type Visit = (url: string, name: string, options?: BrowserContextOptions) => Promise<EditorPage>;

export interface Stage {
  readonly browser: () => Browser;
  /** A new person opens a document; ends with the test, which fails if the browser complained. */
  readonly open: Visit;
  /** The same person, another tab. */
  readonly openTab: (editor: EditorPage, url: string, name: string) => Promise<EditorPage>;
  /** As `open`, for a document that may not open. */
  readonly visit: Visit;
}

/** A browser beside a busy gate: what is measured is measured in the page. */
const TEST_MS = 180_000;
const SOON_MS = 30_000;

/** Call at the top of a file. */
export function browserStage(): Stage {
  vi.setConfig({ testTimeout: TEST_MS, hookTimeout: TEST_MS });
  let browser: Browser | undefined;
  const opened: EditorPage[] = [];
  const launched = (): Browser => {
    if (browser === undefined) throw new Error('the browser is not there yet');
    return browser;
  };
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    const pages = opened.splice(0);
    for (const { page } of pages) await page.context().close();
    const complaints = pages.flatMap((editor) => editor.complaints);
    if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join('; ')}`);
  });
  const kept = (editor: EditorPage): EditorPage => {
    opened.push(editor);
    return editor;
  };
  return {
    browser: launched,
    open: async (url, name, options = {}) =>
      kept(await EditorPage.open(launched(), url, name, options)),
    openTab: async (editor, url, name) =>
      kept(await EditorPage.openTab(editor.page.context(), url, name)),
    visit: async (url, name, options = {}) =>
      kept(await EditorPage.visit(await launched().newContext(options), url, name)),
  };
}

export async function startNode(
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
export async function startFragileNode(
  config: Partial<Config> = {},
): Promise<{ url: string; store: MemoryStore }> {
  let store: MemoryStore | undefined;
  const createStore: NodeParts['createStore'] = (observer) => {
    store = new MemoryStore({ observer });
    return store;
  };
  const { url } = await startNode(config, { createStore });
  if (store === undefined) throw new Error('the node made no store');
  return { url, store };
}

export async function says(
  editor: EditorPage,
  words: string,
  timeoutMs: number = SOON_MS,
): Promise<void> {
  let last = '';
  await waitUntil(
    `the page says “${words}”`,
    async () => {
      last = await editor.saveWords();
      return last === words;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; it says “${last}”`, { cause: error });
  });
}

export async function shows(
  editor: EditorPage,
  text: string,
  timeoutMs: number = SOON_MS,
): Promise<void> {
  let last = '';
  await waitUntil(
    `the page shows “${text}”`,
    async () => {
      last = await editor.value();
      return last === text;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; it shows “${last}”`, { cause: error });
  });
}
