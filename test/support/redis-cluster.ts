/** A Redis cluster of three masters on loopback, each with a third of the slots and no replica. */
import { RedisProcess, freePort } from './redis-process.ts';
import { waitUntil } from './wait-until.ts';

const RANGES = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const;

export class RedisCluster {
  readonly masters: readonly RedisProcess[];

  /** `isPartial`: while a server is gone the others serve their slots. */
  static async start({ isPartial = false }: { isPartial?: boolean } = {}): Promise<RedisCluster> {
    const masters: RedisProcess[] = [];
    for (const range of RANGES) {
      const master = await startMaster(isPartial);
      masters.push(master);
      await master.run('CLUSTER', 'ADDSLOTSRANGE', ...range);
    }
    const [first, ...others] = masters;
    for (const [index, master] of others.entries()) {
      await master.run('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 2));
      const busPort = await busPortOf(master);
      await first?.run('CLUSTER', 'MEET', '127.0.0.1', String(master.port), busPort);
    }
    const cluster = new RedisCluster(masters);
    await cluster.untilWhole();
    return cluster;
  }

  private constructor(masters: readonly RedisProcess[]) {
    this.masters = masters;
  }

  async untilWhole(): Promise<void> {
    await waitUntil(
      'the cluster is whole',
      async () => {
        const infos = await Promise.all(
          this.masters.map((master) => master.run('CLUSTER', 'INFO')),
        );
        return infos.every((info) => {
          const wanted = [/cluster_state:ok/, /cluster_known_nodes:3/, /cluster_slots_ok:16384/];
          return wanted.every((pattern) => pattern.test(String(info)));
        });
      },
      20_000,
    );
  }

  async end(): Promise<void> {
    for (const master of this.masters) {
      master.resume();
      await master.end();
    }
  }
}

async function startMaster(isPartial: boolean): Promise<RedisProcess> {
  // Without a port of its own the cluster bus takes the port + 10,000, which may be no port at all.
  const busPort = String(await freePort());
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', busPort];
  const partly = ['--cluster-require-full-coverage', isPartial ? 'no' : 'yes'];
  return await RedisProcess.start([...cluster, ...partly, '--cluster-node-timeout', '1500']);
}

async function busPortOf(master: RedisProcess): Promise<string> {
  const nodes = String(await master.run('CLUSTER', 'NODES'));
  return /@(\d+)/.exec(nodes)?.[1] ?? '';
}
