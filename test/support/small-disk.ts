/** A file system of 24 MiB that can be filled up and freed again; needs root. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from './temp-dir.ts';

export interface SmallDisk {
  readonly dir: string;
  readonly fill: () => void;
  readonly free: () => void;
}

export function smallDisk(): SmallDisk {
  const dir = tempDir();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dir]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', dir]);
  });
  const filler = join(dir, 'filler');
  return {
    dir,
    fill: () => {
      for (let size = 16 * 1024 * 1024; size >= 1024; size = Math.floor(size / 2)) {
        try {
          for (let count = 0; ; count += 1) {
            writeFileSync(`${filler}-${size}-${count}`, Buffer.alloc(size), { flush: true });
          }
        } catch {
          // ENOSPC: go on with smaller pieces until not even 1 KiB fits.
        }
      }
    },
    free: () => {
      execFileSync('sh', ['-c', `rm -f ${filler}-*`]);
      rmSync(filler, { force: true });
    },
  };
}
