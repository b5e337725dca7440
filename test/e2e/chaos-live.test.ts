/** The live view in Chromium: what people see and do, and that nobody else can do it. */
import { request, type IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { LiveView } from '../../chaos/live/live-view.ts';
import { TOPOLOGY } from '../support/run-records.ts';
import { StagedFeed } from '../support/staged-feed.ts';
import { launchBrowser } from './browser.ts';

describe('the live view', () => {
  const feed = new StagedFeed(TOPOLOGY);
  const complaints: string[] = [];
  let view: LiveView;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    view = await LiveView.serve(feed);
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(view.url);
    await page.locator('html[data-shown]').waitFor();
  });

  afterAll(async () => {
    await browser.close();
    await view.close();
  });

  it('shows regions, nodes, Redis servers, links and editors', async () => {
    expect(await page.locator('.region').count()).toBe(2);
    expect(await page.locator('.node').count()).toBe(3);
    expect(await page.locator('.redis').count()).toBe(2);
    expect(await page.getByRole('button', { name: /(Cut|Heal) it/ }).count()).toBe(
      TOPOLOGY.links.length,
    );
    expect(await page.locator('[data-editors="c"]').textContent()).toContain('8 editors');
    expect(await page.locator('[data-link="b-us"]').getAttribute('class')).toContain('degraded');
    expect(complaints).toEqual([]);
  });

  it('cuts the link that is clicked, and heals it at the next click', async () => {
    const link = page.locator('[data-link="c-eu"]');
    await link.locator('.handle').click();
    await expect.poll(() => link.getAttribute('class')).toContain('cut');
    expect(feed.commands).toEqual(['cut c-eu both']);
    expect(await page.locator('#broken').innerText()).toContain('c-eu cut');
    await link.locator('.handle').click();
    await expect.poll(() => link.getAttribute('class')).not.toContain('cut');
    expect(feed.commands).toEqual(['cut c-eu both', 'heal c-eu']);
  });

  it('cuts one direction, by keyboard too', async () => {
    await page.getByRole('combobox').selectOption('incoming only');
    await page.locator('[data-link="a-us"]').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => feed.commands.at(-1)).toBe('cut a-us b-to-a');
    await expect.poll(() => page.locator('[data-link="a-us"] .way').textContent()).toBe('incoming');
    await feed.heal('a-us');
  });

  it('follows how far replicas are apart, and that they agree again', async () => {
    const node = page.locator('[data-node="b"]');
    feed.fallBehind('b', 17);
    await expect.poll(() => node.textContent()).toContain('17 apart');
    expect(await page.locator('#agreement').innerText()).toContain('Copies differ');
    feed.fallBehind('b', 0);
    await expect.poll(() => node.textContent()).toContain('in step');
    expect(await page.locator('#agreement').innerText()).toContain('All copies agree');
  });

  it('listens on loopback only, to its own page only', async () => {
    const before = feed.commands.length;
    const { host, hostname, port } = new URL(view.url);
    expect(hostname).toBe('127.0.0.1');
    const cut = { link: 'a-eu', direction: 'both' };
    const ask = (headers: IncomingHttpHeaders, method = 'POST', path = '/cut'): Promise<number> =>
      new Promise((resolve, reject) => {
        const asking = request({ host: hostname, port, path, method, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asking.on('error', reject);
        asking.end(method === 'POST' ? JSON.stringify(cut) : '');
      });
    // A name that somebody else pointed here, a foreign page, a page that hides where it is from.
    expect(await ask({ host: 'evil.example', origin: 'http://evil.example' })).toBe(421);
    expect(await ask({ host: `127.0.0.1.evil.example:${port}` }, 'GET', '/')).toBe(421);
    expect(await ask({ host, origin: 'https://evil.example' })).toBe(403);
    expect(await ask({ host, origin: 'null' })).toBe(403);
    expect(await ask({ host })).toBe(403);
    expect(await ask({ host, origin: 'https://evil.example' }, 'GET', '/events')).toBe(403);
    expect(feed.commands).toHaveLength(before);
    expect(await ask({ host, origin: `http://${host}` })).toBe(204);
    expect(feed.commands).toHaveLength(before + 1);
  });

  it('refuses commands that it does not understand', async () => {
    const { host, origin } = new URL(view.url);
    const tell = async (body: string): Promise<number> => {
      const response = await fetch(`${view.url}cut`, {
        method: 'POST',
        body,
        headers: { host, origin },
      });
      return response.status;
    };
    expect(await tell('{')).toBe(400);
    expect(await tell('{"link":"a-eu","direction":"sideways"}')).toBe(400);
    expect(await tell('{"link":"no such link","direction":"both"}')).toBe(409);
    expect(await tell(`{"link":"${'x'.repeat(5_000)}"}`)).toBe(409);
  });

  it('lets go of the run when it is closed', async () => {
    const other = new StagedFeed(TOPOLOGY);
    const second = await LiveView.serve(other);
    expect(other.listeners).toBe(1);
    await second.close();
    expect(other.listeners).toBe(0);
    await expect(fetch(second.url)).rejects.toThrow();
  });
});
