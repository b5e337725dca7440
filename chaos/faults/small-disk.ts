/** A file system of 24 MiB under a node's folder, to be filled up and freed again. Needs root, and the right to mount. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let known: string | null | undefined;

/** Null: it can be mounted here. */
export function mountObstacle(): string | null {
  if (known === undefined) {
    const dir = join(tmpdir(), `syncline-mount-${process.pid}`);
    try {
      const disk = SmallDisk.mount(dir);
      disk.unmount();
      known = null;
    } catch {
      known = 'no file system can be mounted here: needs root';
    }
    rmSync(dir, { recursive: true, force: true });
  }
  return known;
}

const PIECE_BYTES_MAX: number = 16 * 1024 * 1024;
const PIECE_BYTES_MIN = 512;

export class SmallDisk {
  readonly #dir: string;
  readonly #fillers: string[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static mount(dir: string): SmallDisk {
    mkdirSync(dir, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dir], { stdio: 'ignore' });
    return new SmallDisk(dir);
  }

  /** Until not even half a kilobyte fits. Returns what the system said then. */
  fill(): string {
    let said = '';
    for (let bytes = PIECE_BYTES_MAX; bytes >= PIECE_BYTES_MIN; bytes = Math.floor(bytes / 2)) {
      try {
        for (;;) {
          const path = join(this.#dir, `filler-${this.#fillers.length}`);
          this.#fillers.push(path);
          writeFileSync(path, Buffer.alloc(bytes), { flush: true });
        }
      } catch (error) {
        // What was written of it stays: that is the point.
        said = error instanceof Error ? error.message : String(error);
      }
    }
    return said;
  }

  free(): void {
    for (const path of this.#fillers) rmSync(path, { force: true });
    this.#fillers.length = 0;
  }

  /** Lazily: whoever still uses it keeps it. */
  unmount(): void {
    execFileSync('umount', ['-l', this.#dir], { stdio: 'ignore' });
  }
}
