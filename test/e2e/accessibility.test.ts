/** axe-core on the page's main states, light and dark, wide and narrow: no serious violation. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import type { EditorPage } from './browser.ts';
import { browserStage, says, startNode } from './stage.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const { open, visit } = browserStage();

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

async function violations({ page }: EditorPage): Promise<readonly string[]> {
  // Through the debugger: the page's security policy lets no script element in.
  await page.evaluate(AXE);
  const found = await page.evaluate<readonly Violation[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`,
    );
}

async function write(ada: EditorPage): Promise<void> {
  await ada.type('# Title\nText with `code` and **bold**.\n- item\n\n[ ] task');
  await says(ada, 'Saved');
}

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  it('rich text, with two people, panels and dialogs', async () => {
    const { url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'rich', { colorScheme });
    await write(ada);
    const ben = await open(url, 'rich', { colorScheme });
    await ben.press('End');
    await ada.page.locator('.caret').waitFor();
    expect(await violations(ada)).toEqual([]);
    await ada.panel('Connection');
    await ada.page.getByText('Round trip').waitFor();
    expect(await violations(ada)).toEqual([]);
    await ada.panel('History');
    await ada.page.getByRole('button', { name: 'Keep' }).click();
    await ada.page.getByRole('button', { name: /^Version/ }).click();
    await ada.page.getByRole('region', { name: 'The version' }).getByText('Title').waitFor();
    expect(await violations(ada)).toEqual([]);
    await ada.page.keyboard.press('Escape');
    for (const [keys, dialog] of [
      ['Alt+KeyN', 'New document'],
      ['Alt+KeyS', 'Share'],
      ['Alt+Slash', 'Keyboard'],
    ] as const) {
      await ada.page.keyboard.press(keys);
      await ada.page.getByRole('dialog', { name: dialog }).waitFor();
      expect(await violations(ada)).toEqual([]);
      await ada.page.keyboard.press('Escape');
      // Until it is gone it keeps the keys to itself.
      await ada.page.getByRole('dialog', { name: dialog }).waitFor({ state: 'hidden' });
    }
  });

  it('code, and what goes wrong', async () => {
    const { node, url } = await startNode({ dataDir: tempDir() });
    const ada = await open(url, 'code.ts', { colorScheme });
    await ada.type('const a: string = "x"; // why\n');
    await says(ada, 'Saved');
    expect(await violations(ada)).toEqual([]);
    const lost = await visit(url, '../x', { colorScheme });
    expect(await violations(lost)).toEqual([]);
    await node.close();
    await ada.type('1');
    await says(ada, 'Offline: 1 change kept on this device');
    expect(await violations(ada)).toEqual([]);
  });
});

it('on a phone: everything is reached, and nothing is wider than the screen', async () => {
  const { url } = await startNode({ dataDir: tempDir() });
  const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
  const ada = await open(url, 'phone', phone);
  await write(ada);
  expect(await violations(ada)).toEqual([]);
  expect(await ada.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  await ada.page.getByRole('button', { name: 'Documents' }).tap();
  await ada.page.getByRole('button', { name: 'New document' }).waitFor();
  expect(await violations(ada)).toEqual([]);
  await ada.page.getByRole('button', { name: 'Close the list of documents' }).tap();
  await ada.panel('Connection');
  await ada.page.getByRole('button', { name: 'Close connection' }).tap();
  await ada.save.waitFor();
});
