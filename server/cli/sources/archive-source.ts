/** An archive that `syncline export` has written. */
import { readArchive } from '../archive.ts';
import type { Source } from './source.ts';

export function archiveSource(path: string): Source {
  return {
    kind: 'an archive',
    entries: () => readArchive(path),
    close: () => Promise.resolve(),
  };
}
