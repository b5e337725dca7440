/** The report of a chaos run in Chromium: complete by itself, and showing every verdict. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { writeReport } from '../../chaos/report/report.ts';
import type { RunRecord } from '../../chaos/report/run-record.ts';
import { cleanHistory } from '../support/clean-history.ts';
import { FULL_PLAN } from '../support/clean-plan.ts';
import { PLANTS } from '../support/planted-anomalies.ts';
import { runRecordOf } from '../support/run-records.ts';
import { launchBrowser } from './browser.ts';

const lost = 'K1 an acked addition that one node has lost';

describe('the report of a chaos run', () => {
  let browser: Browser;
  let page: Page;
  let record: RunRecord;
  let dir: string;
  const asked: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'syncline-report-'));
    const lie = PLANTS[lost]?.(cleanHistory(FULL_PLAN)) ?? [];
    // No presence was looked at, and somebody put markup into a name.
    const history = lie.filter(({ f }) => f !== 'presence');
    record = { ...runRecordOf(history), scenario: '<script>alert(1)</script> & cut' };
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(`file://${writeReport(record, dir)}`);
    await page.locator('html[data-charts]').waitFor();
  });

  afterAll(async () => {
    await browser.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('asks for nothing but itself, and could not', () => {
    expect(asked).toEqual([`file://${join(dir, 'report.html')}`]);
    expect(complaints).toEqual([]);
    const text = readFileSync(join(dir, 'report.html'), 'utf8');
    expect(text).toContain('default-src &#39;none&#39;');
    expect(text.match(/(?:src|href)="/g)).toBeNull();
  });

  it('shows every verdict, with the reason of each that was skipped', async () => {
    expect(record.verdicts).toHaveLength(21);
    const heads = await page.locator('.verdict .head').allInnerTexts();
    for (const [index, { id, name, status, reason = '' }] of record.verdicts.entries()) {
      const words = heads[index]?.replaceAll(/\s+/g, ' ');
      expect(words).toMatch(new RegExp(`^${status} ${id} `));
      expect(words).toContain(name);
      expect(words).toContain(reason);
    }
    const skipped = page.locator('.verdict.skipped[data-id="K19"]');
    expect(await skipped.innerText()).toContain('nobody looked who is there');
  });

  it('opens what failed: operation, node, level, and the nearest fault', async () => {
    const evidence = page.locator('.verdict.failed[data-id="K1"] tbody tr').first();
    await expect.poll(() => evidence.isVisible()).toBe(true);
    const words = await evidence.innerText();
    expect(words).toMatch(/w\d:e\d+ was acked by [abc] \(local\) and is missing on a/);
    expect(words).toContain('F50 cut');
    expect(await page.locator('.verdict-box').innerText()).toMatch(/promises? w(as|ere) broken/);
  });

  it('says what was broken, and why something was not', async () => {
    const faults = await page.locator('table.faults').innerText();
    expect(faults).toMatch(/proved\s+F50 cut\s+c-us, c-eu/);
    expect(faults).toMatch(/skipped\s+F60 packet loss 10 %.*tc netem is not there/s);
    const lane = page.locator('.lane', { hasText: 'c-us' });
    expect(await lane.locator('.bar.fault').getAttribute('title')).toContain('no echo');
  });

  it('draws the charts it has data for, and names seed and command', async () => {
    expect(await page.locator('html').getAttribute('data-charts')).toBe('5');
    expect(await page.locator('figure:visible canvas').count()).toBe(5);
    expect(await page.locator('figure[data-chart="lag"]').isHidden()).toBe(true);
    const replay = await page.locator('.replay').innerText();
    expect(replay).toContain('4217');
    expect(replay).toContain('npm run chaos -- run partition --seconds 30 --seed 4217');
    const heading = await page.locator('h1').innerText();
    expect(heading).toContain('<script>alert(1)</script> & cut');
    expect(heading).toContain('two regions, one cut, one crash');
  });

  it('turns dark and light', async () => {
    const background = (): Promise<string> =>
      page.evaluate('getComputedStyle(document.body).backgroundColor');
    const before = await background();
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await background()).not.toBe(before);
    expect(await page.locator('figure:visible canvas').count()).toBe(5);
  });

  it('has the same beside it as data', () => {
    expect(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'))).toEqual(record);
  });
});
