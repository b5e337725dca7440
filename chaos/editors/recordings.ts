/**
 * Recorded editing sessions for editors to type: real people's edits, in their sizes and order. They are no part of the
 * project: they are looked for where `TRACES_DIR` points, else in `../shared/traces` beside the project; where there
 * are none a generated session stands in. Format: test/support/traces.ts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Random } from '../random.ts';

/** Position, deleted, inserted. */
export type Patch = readonly [number, number, string];
export type Session = readonly (readonly Patch[])[];

/** By one person, from an empty text on. */
const SEQUENTIAL = ['sveltecomponent', 'friendsforever_flat', 'automerge-paper'] as const;
const GENERATED_EDITS = 20_000;

export function findSession(random: Random): { readonly name: string; readonly session: Session } {
  // dist/chaos/editors/recordings.js is three folders below the project's root.
  const folder =
    process.env['TRACES_DIR'] ??
    fileURLToPath(new URL('../../../../shared/traces', import.meta.url));
  const name = random.pick(SEQUENTIAL);
  const path = `${folder}/${name}.json.gz`;
  if (!existsSync(path)) return { name: 'generated', session: generated(random) };
  const file = JSON.parse(gunzipSync(readFileSync(path)).toString('utf8')) as {
    readonly startContent?: string;
    readonly txns: readonly { readonly patches: readonly Patch[] }[];
  };
  const start: Patch[][] =
    file.startContent === undefined || file.startContent === ''
      ? []
      : [[[0, 0, file.startContent]]];
  return { name, session: [...start, ...file.txns.map(({ patches }) => patches)] };
}

/** Mostly on at the cursor, some backspacing, now and then a jump to correct something. */
function generated(random: Random): Session {
  let length = 0;
  let cursor = 0;
  return Array.from({ length: GENERATED_EDITS }, () => {
    if (random.oneIn(40)) cursor = random.below(length + 1);
    if (cursor > 0 && random.oneIn(4)) {
      cursor -= 1;
      length -= 1;
      return [[cursor, 1, ''] as const];
    }
    const letter = random.oneIn(6) ? ' ' : String.fromCodePoint(97 + random.below(26));
    const patch = [cursor, 0, letter] as const;
    cursor += 1;
    length += 1;
    return [patch];
  });
}
