/** The page at /docs as a person meets it: it works from the node alone, within its security policy. */
import { expect, it, onTestFinished } from 'vitest';
import { startNode } from '../support/in-process-node.ts';
import { pathOf, Rest, textUpdate } from '../support/rest.ts';
import { launchBrowser } from './browser.ts';

it('tries a request, asks no other host, and breaks no rule of its security policy', async () => {
  const { url } = await startNode();
  await new Rest(url).put(pathOf('notes'), textUpdate('hello'));
  const browser = await launchBrowser();
  onTestFinished(async () => {
    await browser.close();
  });
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) {
      complaints.push(request.url());
    }
  });
  await page.goto(`${url}/docs`);
  const operation = page.locator('#operations-documents-getDocument');
  await operation.locator('.opblock-summary').click();
  await operation.getByPlaceholder('doc', { exact: true }).fill('notes');
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table').first();
  await answer.waitFor();
  expect(await answer.innerText()).toContain('"name": "notes"');
  expect(complaints).toEqual([]);
});
