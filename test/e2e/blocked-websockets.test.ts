/** The editor page behind a proxy that lets no WebSocket through. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createNode } from '../../server/index.ts';
import { tempDir } from '../support/temp-dir.ts';
import { UpgradeProxy, type UpgradeMode } from '../support/upgrade-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';
import { EditorPage, launchBrowser } from './browser.ts';

const EDITS = 60;
const P95_MS_MAX = 300;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
});

async function start(mode: UpgradeMode): Promise<UpgradeProxy> {
  const node = createNode({ port: 0, logLevel: 'silent', dataDir: tempDir() });
  const url = await node.listen();
  onTestFinished(async () => {
    await node.close();
  });
  const proxy = await UpgradeProxy.start(url);
  proxy.set(mode);
  return proxy;
}

async function open(url: string, name: string): Promise<EditorPage> {
  const editor = await EditorPage.open(browser, url, name);
  onTestFinished(async () => {
    await editor.page.context().close();
    expect(editor.complaints).toEqual([]);
  });
  return editor;
}

async function says(editor: EditorPage, words: string): Promise<void> {
  await waitUntil(
    `the page says “${words}”`,
    async () => (await editor.saveWords()) === words,
    30_000,
  );
}

async function shows(editor: EditorPage, text: string): Promise<void> {
  await waitUntil(`the page shows “${text}”`, async () => (await editor.value()) === text);
}

/** Runs in the page: notes when the text held so many characters for the first time, ms since the epoch. */
const NOTE_LENGTHS = `
  globalThis.lengthTimes = {};
  const text = document.querySelector('.text-place').shadowRoot.querySelector('.cm-content');
  const note = () => {
    const line = text.querySelector('.cm-line').cloneNode(true);
    for (const extra of line.querySelectorAll('.caret, .cm-placeholder')) extra.remove();
    globalThis.lengthTimes[line.textContent.length] ??= Date.now();
  };
  new MutationObserver(note).observe(text, { subtree: true, childList: true, characterData: true });
`;

async function noteLengths(editor: EditorPage): Promise<() => Promise<Record<string, number>>> {
  await editor.page.evaluate(NOTE_LENGTHS);
  return async () => await editor.page.evaluate<Record<string, number>>('globalThis.lengthTimes');
}

describe('with WebSockets blocked', () => {
  it('two people type, see each other’s text and names, and all is saved; what one types shows within 300 ms', async () => {
    const proxy = await start('refuse');
    const [ada, ben] = [await open(proxy.url, 'blocked.txt'), await open(proxy.url, 'blocked.txt')];
    await says(ada, 'Saved');
    await says(ben, 'Saved');
    const [typed, shown] = [await noteLengths(ada), await noteLengths(ben)];
    await ada.text.pressSequentially('x'.repeat(EDITS), { delay: 90 });
    await shows(ben, 'x'.repeat(EDITS));
    const [from, to] = [await typed(), await shown()];
    const delays = Array.from({ length: EDITS }, (_, index) => {
      const [startMs, endMs] = [from[index + 1], to[index + 1]];
      // Characters that arrived together have the time of the last of them.
      const arrived = endMs ?? Object.entries(to).find(([length]) => Number(length) > index)?.[1];
      return (arrived ?? Infinity) - (startMs ?? -Infinity);
    }).toSorted((a, b) => a - b);
    const at = (share: number): number => delays[Math.ceil(EDITS * share) - 1] ?? Infinity;
    process.stdout.write(
      `propagation over events and POSTs, ${EDITS} edits: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms\n`,
    );
    expect(at(0.95)).toBeLessThan(P95_MS_MAX);
    await ben.press('End');
    await ben.type(' and y');
    await shows(ada, `${'x'.repeat(EDITS)} and y`);
    await says(ada, 'Saved');
    await says(ben, 'Saved');
    expect(await ada.others.count()).toBe(1);
    expect(await ben.others.count()).toBe(1);
    await ben.page.close();
    await waitUntil('Ben is gone', async () => (await ada.others.count()) === 0);
    expect(proxy.webSocketCount).toBe(0);
    const late = await open(proxy.url, 'blocked.txt');
    await shows(late, `${'x'.repeat(EDITS)} and y`);
  });

  it.each(['kill', 'swallow'] as const)(
    'by a proxy that %ss them after the handshake: two tabs of one browser, and back when it stops',
    async (mode) => {
      const proxy = await start(mode);
      const ada = await open(proxy.url, `${mode}.txt`);
      const tab = await EditorPage.openTab(ada.page.context(), proxy.url, `${mode}.txt`);
      await says(ada, 'Saved');
      await says(tab, 'Saved');
      await ada.type('one ');
      await shows(tab, 'one ');
      await tab.press('End');
      await tab.type('two');
      await shows(ada, 'one two');
      await says(tab, 'Saved');
      proxy.set('pass');
      await waitUntil('both are back on sockets', () => proxy.webSocketCount === 2, 40_000);
      await ada.press('End');
      await ada.type(' three');
      await shows(tab, 'one two three');
      await says(ada, 'Saved');
      await shows(await open(proxy.url, `${mode}.txt`), 'one two three');
    },
  );
});

it('the page asks no other host for anything', async () => {
  const proxy = await start('refuse');
  const hosts = new Set<string>();
  const context = await browser.newContext();
  onTestFinished(async () => {
    await context.close();
  });
  context.on('request', (request) => hosts.add(new URL(request.url()).host));
  const editor = await EditorPage.openTab(context, proxy.url, 'hosts');
  await editor.type('x');
  await says(editor, 'Saved');
  expect([...hosts]).toEqual([new URL(proxy.url).host]);
});
