/** The one status of a document, right in each of its states: never "Saved" while something is not. [I1] [I5] */
import { describe, expect, it, type TestContext } from 'vitest';
import { BusStage } from '../support/bus-stage.ts';
import { linkTo } from '../support/link.ts';
import { NodeProcess } from '../support/node-process.ts';
import { smallDisk } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';
import { nowS, SECRET_NODE, token } from '../support/tokens.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { EditorPage } from './browser.ts';
import { browserStage, says, shows, startFragileNode, startNode } from './stage.ts';

const { open, openTab, visit } = browserStage();

/** From now on the page notes every text that the status has had. */
async function noteWords(editor: EditorPage): Promise<() => Promise<readonly string[]>> {
  await editor.page.evaluate(`
    globalThis.words = [];
    const place = document.querySelector('#save');
    const note = () => {
      const text = document.querySelector('#save-words').textContent;
      if (globalThis.words.at(-1) !== text) globalThis.words.push(text);
    };
    note();
    new MutationObserver(note).observe(place, { subtree: true, childList: true, characterData: true });
  `);
  return async () => await editor.page.evaluate<readonly string[]>('globalThis.words');
}

const at = (port: number): string => `redis://127.0.0.1:${port}`;

async function regions(context: TestContext): Promise<{
  readonly url: string;
  readonly cut: (flow: 'flow' | 'drop') => void;
}> {
  const stage = new BusStage(context);
  const [eu, us] = [await stage.redis(), await stage.redis()];
  const [toEu, toUs] = [await stage.proxyTo(eu), await stage.proxyTo(us)];
  const node = async (region: string, own: number, other: string): Promise<NodeProcess> =>
    await NodeProcess.start({
      dataDir: tempDir(),
      env: { REGION: region, REDIS_URL: at(own), REGIONS: other, ACK: 'replicated' },
    });
  const [first] = await Promise.all([
    node('eu', eu.port, `us=${at(toUs.port)}`),
    node('us', us.port, `eu=${at(toEu.port)}`),
  ]);
  return {
    url: first.url,
    cut: (flow) => {
      for (const proxy of [toEu, toUs]) {
        proxy.set('up', flow);
        proxy.set('down', flow);
      }
    },
  };
}

async function visited(url: string, good: string): Promise<EditorPage> {
  const editor = await visit(url, `team/notes?token=${good}`);
  await editor.isOpen();
  return editor;
}

describe('on disk', () => {
  it('[I1] [I5] is “Saving…” until the ack that follows the disk, while others see the edits at once', async () => {
    const { url, store } = await startFragileNode();
    const [ada, ben] = [await open(url, 'disk.txt'), await open(url, 'disk.txt')];
    await ada.type('saved');
    await says(ada, 'Saved');
    expect(ada.received).toContain('660105');
    store.failWrites('input/output error');
    await ada.type(' or not');
    await shows(ben, 'saved or not');
    await says(ada, 'Not saved: the server’s disk is failing');
    await says(ben, 'Saved');
    expect(ada.received.filter((frame) => frame > '660105' && frame < '6602')).toEqual([]);
    store.recover();
    await says(ada, 'Saved');
    expect(ada.received).toContain('66010c');
  });

  it('[I5] full: “Not saved: disk full on the server”, and “Saved” again when there is space', async () => {
    const { dir, fill, free } = smallDisk();
    const { url } = await startNode({ dataDir: dir });
    const ada = await open(url, 'full');
    await ada.type('before');
    await says(ada, 'Saved');
    const words = await noteWords(ada);
    fill();
    // More than LevelDB's log has room for in the block that it has already.
    await ada.page.keyboard.insertText('x'.repeat(20_000));
    await says(ada, 'Not saved: disk full on the server', 30_000);
    const seen = await words();
    expect(seen.slice(seen.indexOf('Saving…'))).not.toContain('Saved');
    free();
    await says(ada, 'Saved', 30_000);
    await waitUntil('another page has it all', async () => {
      const late = await open(url, 'full');
      const text = await late.value();
      await late.page.close();
      return text.length === 20_006;
    });
  });

  it('[I1] slow: “Saving…” for as long as the disk takes', async () => {
    const { url, store } = await startFragileNode();
    const ada = await open(url, 'slow');
    await ada.type('x');
    await says(ada, 'Saved');
    const words = await noteWords(ada);
    store.latencyMs = 3_000;
    const startMs = performance.now();
    await ada.type('y');
    await says(ada, 'Saving…');
    await says(ada, 'Saved');
    expect(performance.now() - startMs).toBeGreaterThan(2_900);
    expect(await words()).toEqual(['Saved', 'Saving…', 'Saved']);
  });
});

describe('elsewhere', () => {
  it('[I1] is “Saved in eu, us” when both have it, “Saving…” while they are cut apart, and again when that is over', async (context) => {
    const { url, cut } = await regions(context);
    const ada = await open(url, 'regions');
    await ada.type('both');
    await says(ada, 'Saved in eu, us', 30_000);
    cut('drop');
    const words = await noteWords(ada);
    await ada.type(' or one');
    await says(ada, 'Saving…');
    // Long enough for what must not happen: nobody else can have it.
    await ada.page.evaluate(`new Promise((r) => setTimeout(r, 2000))`);
    expect((await words()).slice(1).filter((text) => text.startsWith('Saved'))).toEqual([]);
    cut('flow');
    await says(ada, 'Saved in eu, us', 60_000);
  });
});

describe('not connected', () => {
  it('[I5] counts what is typed, and the node that comes back has it all', async () => {
    const dataDir = tempDir();
    const first = await startNode({ dataDir });
    const ada = await open(first.url, 'offline.txt');
    await ada.type('online');
    await says(ada, 'Saved');
    await first.node.close();
    await says(ada, 'Offline');
    await ada.type(', off');
    await says(ada, 'Offline: 5 changes kept on this device');
    const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
    await says(ada, 'Saved', 40_000);
    await shows(await open(second.url, 'offline.txt'), 'online, off');
  });

  it('[I1] cut off by a network that swallows everything: not “Saved”, until it is', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const proxy = await linkTo(Number(new URL(url).port));
    const ada = await open(`http://127.0.0.1:${proxy.port}`, 'partition.txt');
    await ada.type('a');
    await says(ada, 'Saved');
    const words = await noteWords(ada);
    proxy.set('up', 'hold');
    proxy.set('down', 'hold');
    await ada.type('b');
    await says(ada, 'Saving…');
    await ada.page.evaluate(`new Promise((r) => setTimeout(r, 1500))`);
    expect(await words()).toEqual(['Saved', 'Saving…']);
    proxy.set('up', 'flow');
    proxy.set('down', 'flow');
    await says(ada, 'Saved');
  });

  it('[I1] ended by the token: “Session ended: sign in”, with what is not saved, and on with another one', async () => {
    const { url } = await startNode({
      dataDir: tempDir(),
      ...SECRET_NODE,
      clockToleranceMs: 0,
    });
    const short = token({ exp: nowS() + 15 });
    const ada = await visit(url, `team/notes?token=${short}`);
    await ada.isOpen();
    expect(ada.page.url()).not.toContain('token');
    await ada.type('in time');
    await says(ada, 'Saved');
    await says(ada, 'Session ended: sign in', 40_000);
    await ada.press('Control+End');
    await ada.type('!!');
    await says(ada, 'Session ended: sign in · 2 changes kept on this device');
    await ada.save.click();
    await ada.page.getByRole('textbox', { name: 'Link or token' }).fill(token());
    await ada.page.getByRole('button', { name: 'Sign in' }).last().click();
    await says(ada, 'Saved');
    await shows(await visited(url, token()), 'in time!!');
  });
});

describe('leaving', () => {
  it('asks before a tab closes with unsaved changes, and only then', async () => {
    const { url, store } = await startFragileNode();
    const [ada, ben] = [await open(url, 'closing'), await open(url, 'closing')];
    await ada.type('x');
    await says(ada, 'Saved');
    store.failWrites();
    await ada.type('y');
    await says(ada, 'Not saved: disk full on the server');
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
    await says(ada, 'Saved');
  });

  it('belongs to the document: what was left unsaved is saved after turning to another', async () => {
    const dataDir = tempDir();
    const first = await startNode({ dataDir });
    const ada = await open(first.url, 'left.txt');
    await ada.type('unfi');
    await says(ada, 'Saved');
    await first.node.close();
    await says(ada, 'Offline');
    await ada.type('nished');
    await ada.turnTo('right.txt');
    await ada.page.getByText('Not on this device').waitFor();
    const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
    await ada.page.locator('[aria-label="Document text"][contenteditable="true"]').waitFor({
      timeout: 40_000,
    });
    expect(await ada.value()).toBe('');
    const late = await open(second.url, 'left.txt');
    await waitUntil('it is there', async () => (await late.value()) === 'unfinished', 40_000);
  });
});

it('[I1] a reloaded page and a restarted node show what was saved', async () => {
  const dataDir = tempDir();
  const first = await startNode({ dataDir });
  const ada = await open(first.url, 'restart');
  await ada.type('kept ☃ 😀');
  await says(ada, 'Saved');
  await first.node.close();
  const second = await startNode({ dataDir, port: Number(new URL(first.url).port) });
  await ada.page.reload();
  await ada.isOpen();
  await shows(ada, 'kept ☃ 😀');
  await shows(await open(second.url, 'restart'), 'kept ☃ 😀');
  const tab = await openTab(ada, second.url, 'restart');
  await shows(tab, 'kept ☃ 😀');
});
