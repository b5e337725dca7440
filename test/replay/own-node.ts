/** A node of the replay's own: `dist/server/main.js` on a free port and a temporary folder. */
import { RunningServer, SERVERS } from '../bench/servers.ts';

export class OwnNode {
  readonly #server: RunningServer;

  private constructor(server: RunningServer) {
    this.#server = server;
  }

  static async start(): Promise<OwnNode> {
    const syncline = SERVERS.find(({ id }) => id === 'syncline');
    if (syncline === undefined) throw new Error('no Syncline among the servers');
    return new OwnNode(await RunningServer.start(syncline));
  }

  get url(): string {
    return this.#server.target.url;
  }

  /** `kill -9`, then a new start on what is on disk. [I1] */
  async killAndRestart(): Promise<void> {
    await this.#server.restart('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
