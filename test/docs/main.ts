/** `npm run docs`: writes the generated tables into docs/. */
import { writeFileSync } from 'node:fs';
import { generatedTables, pathOf, withTable } from './tables.ts';

for (const generated of generatedTables()) {
  writeFileSync(pathOf(generated), withTable(generated));
  process.stdout.write(`${generated.file}\n`);
}
