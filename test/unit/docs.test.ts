import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generatedTables, pathOf, withTable } from '../docs/tables.ts';

/** Prettier aligns the columns; what a table says is what stands between the bars. */
function normalise(markdown: string): string {
  return markdown.replaceAll(/ *\| */g, '|').replaceAll(/-{3,}/g, '---');
}

describe('docs', () => {
  it.each(generatedTables())('$file says what the code says (else: npm run docs)', (generated) => {
    const text = readFileSync(pathOf(generated), 'utf8');
    expect(normalise(text)).toBe(normalise(withTable(generated)));
  });
});
