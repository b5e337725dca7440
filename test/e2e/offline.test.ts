/**
 * Without a network: what was written stays, also over a reload, and is everywhere once when the network is back: after a
 * cut, after `kill -9`, between regions, and where WebSockets are blocked. [I1] [I2]
 */
import { describe, expect, it, type TestContext } from 'vitest';
import type { LinkProxy } from '../../chaos/proxies/link-proxy.ts';
import { BusStage } from '../support/bus-stage.ts';
import { linkTo } from '../support/link.ts';
import { NodeProcess } from '../support/node-process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { UpgradeProxy } from '../support/upgrade-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { EditorPage } from './browser.ts';
import { browserStage, says, shows, startNode } from './stage.ts';

const { open, openTab } = browserStage();
/** Reconnecting is backed off, up to 30 s. */
const BACK_MS = 45_000;

const KINDS = [
  ['rich text', ''],
  ['plain text', '.txt'],
] as const;

const at = (port: number): string => `redis://127.0.0.1:${port}`;

function cut(proxy: LinkProxy, isCut: boolean): void {
  proxy.refuse(isCut);
  if (isCut) proxy.resetAll();
}

async function writesOffline(ada: EditorPage): Promise<void> {
  await says(ada, 'Offline');
  await ada.press('End');
  await ada.type(' and off');
  await says(ada, 'Offline: 8 changes kept on this device');
  // The browser's disk is asked a moment after the keys.
  await ada.page.evaluate(`new Promise((r) => setTimeout(r, 1000))`);
}

/** Every character once, whoever was first. */
async function bothRead(editors: readonly EditorPage[], parts: readonly string[]): Promise<void> {
  await waitUntil(
    `all read ${parts.join(' + ')}`,
    async () => {
      const texts = await Promise.all(editors.map(async (editor) => await editor.value()));
      const [text = ''] = texts;
      return (
        texts.every((other) => other === text) &&
        text.length === parts.join('').length &&
        parts.every((part) => text.includes(part))
      );
    },
    BACK_MS,
  );
}

describe.each(KINDS)('%s', (_kind, ending) => {
  it('cut off, written, reloaded while offline, written again, and back: all of it, once, at the other one too', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const proxy = await linkTo(Number(new URL(url).port));
    const name = `cut${ending}`;
    const ada = await open(`http://127.0.0.1:${proxy.port}`, name);
    await ada.isKeptOffline();
    await ada.type('online');
    await says(ada, 'Saved');
    const ben = await open(url, name);
    await shows(ben, 'online');
    cut(proxy, true);
    await writesOffline(ada);
    await ada.page.reload();
    await ada.isOpen();
    await shows(ada, 'online and off');
    await says(ada, 'Offline: 8 changes kept on this device');
    await ada.press('End');
    await ada.type('!');
    await ben.press('Home');
    await ben.type('Ben was ');
    await says(ben, 'Saved');
    cut(proxy, false);
    await says(ada, 'Saved', BACK_MS);
    await bothRead([ada, ben], ['Ben was ', 'online and off!']);
    await proxy.close();
  });

  it('the node killed with kill -9 and started again: what was written meanwhile arrives', async () => {
    const dataDir = tempDir();
    const first = await NodeProcess.start({ dataDir });
    const name = `killed${ending}`;
    const [ada, ben] = [await open(first.url, name), await open(first.url, name)];
    await ada.type('online');
    await says(ada, 'Saved');
    await shows(ben, 'online');
    first.kill();
    await writesOffline(ada);
    const second = await NodeProcess.start({ dataDir, port: first.port });
    await says(ada, 'Saved', BACK_MS);
    await bothRead([ada, ben], ['online and off']);
    await shows(await open(second.url, name), 'online and off');
  });
});

it('two regions cut apart and healed: both go on writing, and read the same afterwards', async (context: TestContext) => {
  const stage = new BusStage(context);
  const [eu, us] = [await stage.redis(), await stage.redis()];
  const [toEu, toUs] = [await stage.proxyTo(eu), await stage.proxyTo(us)];
  const [first, second] = await Promise.all([
    NodeProcess.start({
      dataDir: tempDir(),
      env: { REGION: 'eu', REDIS_URL: at(eu.port), REGIONS: `us=${at(toUs.port)}` },
    }),
    NodeProcess.start({
      dataDir: tempDir(),
      env: { REGION: 'us', REDIS_URL: at(us.port), REGIONS: `eu=${at(toEu.port)}` },
    }),
  ]);
  const [ada, ben] = [await open(first.url, 'cut'), await open(second.url, 'cut')];
  await ada.type('together');
  await shows(ben, 'together', BACK_MS);
  for (const proxy of [toEu, toUs])
    for (const way of ['up', 'down'] as const) proxy.set(way, 'drop');
  await ada.press('End');
  await ada.type(' eu');
  await ben.press('Home');
  await ben.type('us ');
  await says(ada, 'Saved');
  await says(ben, 'Saved');
  expect([await ada.value(), await ben.value()]).toEqual(['together eu', 'us together']);
  for (const proxy of [toEu, toUs])
    for (const way of ['up', 'down'] as const) proxy.set(way, 'flow');
  await bothRead([ada, ben], ['us ', 'together eu']);
});

it('with WebSockets blocked: cut off, written, reloaded, and back over events', async () => {
  const { url } = await startNode({ dataDir: tempDir() });
  const blocked = await UpgradeProxy.start(url);
  blocked.set('refuse');
  const proxy = await linkTo(Number(new URL(blocked.url).port));
  const ada = await open(`http://127.0.0.1:${proxy.port}`, 'blocked');
  await ada.isKeptOffline();
  await ada.type('online');
  await says(ada, 'Saved');
  const ben = await open(blocked.url, 'blocked');
  cut(proxy, true);
  await writesOffline(ada);
  await ada.page.reload();
  await ada.isOpen();
  await shows(ada, 'online and off');
  cut(proxy, false);
  await says(ada, 'Saved', BACK_MS);
  await bothRead([ada, ben], ['online and off']);
  expect(blocked.webSocketCount).toBe(0);
  await proxy.close();
});

describe('on one device', () => {
  it('opens in a new tab while offline; two tabs write at once, and all of it arrives', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const proxy = await linkTo(Number(new URL(url).port));
    const ada = await open(`http://127.0.0.1:${proxy.port}`, 'tabs.txt');
    await ada.isKeptOffline();
    await ada.type('online');
    await says(ada, 'Saved');
    cut(proxy, true);
    await says(ada, 'Offline');
    const tab = await openTab(ada, `http://127.0.0.1:${proxy.port}`, 'tabs.txt');
    await shows(tab, 'online');
    await tab.press('End');
    await tab.type(' tab');
    await shows(ada, 'online tab');
    await ada.press('Home');
    await ada.type('one ');
    await shows(tab, 'one online tab');
    await says(tab, 'Offline: 4 changes kept on this device');
    cut(proxy, false);
    await says(tab, 'Saved', BACK_MS);
    await says(ada, 'Saved', BACK_MS);
    await shows(await open(url, 'tabs.txt'), 'one online tab');
    await proxy.close();
  });

  it('makes a document offline, which is there for others afterwards', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const proxy = await linkTo(Number(new URL(url).port));
    const ada = await open(`http://127.0.0.1:${proxy.port}`, 'start');
    await ada.isKeptOffline();
    cut(proxy, true);
    await ada.page.getByRole('button', { name: 'New document' }).click();
    await ada.page.getByRole('textbox', { name: 'Title' }).last().fill('On the train');
    await ada.page.getByRole('button', { name: 'Create' }).click();
    await waitUntil(
      'it is another one',
      async () => (await ada.title.inputValue()) === 'On the train',
    );
    await ada.isOpen();
    await ada.type('tunnel');
    cut(proxy, false);
    await says(ada, 'Saved', BACK_MS);
    const name = decodeURIComponent(new URL(ada.page.url()).hash.slice(1));
    const ben = await open(url, name);
    await shows(ben, 'tunnel');
    expect(await ben.title.inputValue()).toBe('On the train');
    await proxy.close();
  });
});
