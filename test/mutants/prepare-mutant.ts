/** Makes a folder with a copy of the build in which one promise is broken. The caller removes it. */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type MutantName } from './mutants.ts';

/** The copy is not broken: whatever fails on it would fail on any build. */
export type BuildName = MutantName | 'unchanged';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Returns the folder: `dist/server/main.js` in it is the node, `dist/test/simulation/main.js` the simulation of it.
 * @throws Error when a text that is to be replaced is not there exactly once: the code has changed, the mutant must too
 */
export async function prepareMutant(name: BuildName): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'syncline-mutant-'));
  cpSync(join(ROOT, 'dist'), join(dir, 'dist'), {
    recursive: true,
    filter: (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path),
  });
  cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  for (const { file, find, replace } of editsOf(name)) {
    const path = join(dir, 'dist', file);
    const text = readFileSync(path, 'utf8');
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`${name}: ${file} has ${count} times: ${find}`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
  await Promise.resolve();
  return dir;
}

function editsOf(name: BuildName): readonly { file: string; find: string; replace: string }[] {
  if (name === 'unchanged') return [];
  const mutant = MUTANTS.find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`no mutant is called ${name}`);
  return mutant.edits;
}
