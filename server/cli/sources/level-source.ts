/**
 * A folder of LevelDB in y-leveldb's layout: of a y-websocket server, or of Syncline, whose own records (snapshots and the
 * like) only travel in an archive. A folder that somebody has open is refused, by LevelDB's lock.
 */
import { OfflineFolder } from '../../../persistence/index.ts';
import { messageOf } from '../command.ts';
import { entryOf } from '../export.ts';
import type { Source } from './source.ts';

export async function levelSource(path: string): Promise<Source> {
  const offline = await OfflineFolder.open(path);
  return {
    kind: 'a y-leveldb folder',
    async *entries() {
      for await (const name of offline.names()) {
        try {
          yield await entryOf(offline, name);
        } catch (error) {
          yield { name, problem: messageOf(error) };
        }
      }
      for (const problem of offline.findings) yield { name: path, problem };
    },
    close: async () => {
      await offline.close();
    },
  };
}
