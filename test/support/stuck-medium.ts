/** A folder whose disk takes nothing any more, and refuses nothing, while a file exists: a write waits, and is never told. */
import { existsSync } from 'node:fs';
import { levelMedium } from '../../persistence/level-medium.ts';
import type { Handle, Medium } from '../../persistence/medium.ts';

const LOOK_MS = 50;

export function stuckMedium(whileFile: string): Medium {
  const unstuck = async (): Promise<void> => {
    while (existsSync(whileFile)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  };
  const stuck = (handle: Handle): Handle => ({
    write: async (batch) => {
      await unstuck();
      await handle.write(batch);
    },
    read: async (read) => await handle.read(read),
    close: async () => {
      await unstuck();
      await handle.close();
    },
  });
  return {
    ...levelMedium,
    open: async (options) => {
      const opened = await levelMedium.open(options);
      return { ...opened, handle: stuck(opened.handle) };
    },
    writeWitness: async (folder, record) => {
      await unstuck();
      await levelMedium.writeWitness(folder, record);
    },
    probe: async (folder, pendingBytes) => {
      await unstuck();
      await levelMedium.probe(folder, pendingBytes);
    },
  };
}
