/** A folder on a file system with LevelDB in it: the medium that is used. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectorySync, probeSpace } from './directory-sync.ts';
import { lockFolder } from './folder-lock.ts';
import type { Medium } from './medium.ts';
import { ensureFolder, strictOpen } from './strict-open.ts';
import { writeWitness } from './witness.ts';

/** A reopen writes a MANIFEST, a log and tables from the logs; it is not tried without this much space: bytes. */
const PROBE_BYTES_MIN = 1024 * 1024;

export const levelMedium: Medium = {
  claim: async (folder) => {
    await ensureFolder(folder);
    return await lockFolder(folder);
  },
  open: strictOpen,
  writeWitness,
  watchRotation: (folder, writeBufferSize) => new DirectorySync(folder, writeBufferSize),
  probe: async (folder, pendingBytes) => {
    await probeSpace(
      folder,
      (await logBytes(folder)) + Math.max(PROBE_BYTES_MIN, 2 * pendingBytes),
    );
  },
};

async function logBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    if (name.endsWith('.log')) bytes += (await stat(join(folder, name))).size;
  }
  return bytes;
}
