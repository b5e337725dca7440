/**
 * One process per data folder. LevelDB's own lock does not hold: as soon as this process reads its `LOCK` file
 * (a backup copy, a second open that fails), the kernel drops it, another process can open the live database,
 * and both lose acked writes. So nothing here ever touches `LOCK`.
 *
 * On Linux the lock is an abstract unix socket named after the folder's device and inode: the kernel frees it
 * when the process dies, however it dies. A pid file beside the data is only for the message. Elsewhere the
 * pid file is the lock, and a dead owner's is taken over. (Abstract sockets belong to a network namespace: for
 * two containers that mount one volume, LevelDB's lock is all there is.)
 */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StoreError } from './store.ts';

export interface FolderLock {
  release(): Promise<void>;
}

const PID_FILE = 'syncline.pid';

/** Folders that this process holds, by device and inode: two paths to one folder are one folder. */
const held = new Set<string>();

/** @throws StoreError `locked` */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const { dev, ino } = await stat(folder);
  const id = `${dev}-${ino}`;
  if (held.has(id)) {
    throw new StoreError('locked', `folder ${folder} is already open in this process`);
  }
  held.add(id);
  const pidFile = join(folder, PID_FILE);
  try {
    const server = process.platform === 'linux' ? await listen(`\0syncline-${id}`) : null;
    const owner = await readOwner(pidFile);
    if (server === 'taken' || (server === null && owner !== null && isAlive(owner))) {
      throw new StoreError(
        'locked',
        `folder ${folder} is in use by ${owner === null ? 'another process' : `pid ${owner}`}; stop it first`,
      );
    }
    // On a full disk the file may stay empty: it is only for the message.
    await writeFile(pidFile, `${process.pid}\n`).catch(() => undefined);
    return {
      release: async () => {
        await rm(pidFile, { force: true }).catch(() => undefined);
        if (server !== null) await closeServer(server);
        held.delete(id);
      },
    };
  } catch (error) {
    held.delete(id);
    throw error;
  }
}

function listen(path: string): Promise<Server | 'taken'> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken');
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

async function readOwner(pidFile: string): Promise<number | null> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false; // a leftover of a former process with our number
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
