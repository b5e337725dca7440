/** A thousand people who have a document open and do nothing. */
import { settledMib } from '../heap.ts';
import type { Workload } from '../workload.ts';

const ROOMS = 100;
const CONNECTIONS = 1_000;
const WARM_UP_CONNECTIONS = 300;

export const idleConnections: Workload = {
  name: 'idle-connections',
  summary:
    `${CONNECTIONS.toLocaleString('en')} connections in ${ROOMS} empty rooms, each with a cursor. Growth of resident ` +
    `memory per connection, from a server that has served ${WARM_UP_CONNECTIONS} others before; the rooms are in ` +
    `it. Both times the server is idle and its garbage has been collected.`,
  metrics: [
    {
      key: 'memory',
      label: 'memory per idle connection',
      unit: 'KiB',
      digits: 1,
      aims: [{ ratioMax: 1 }],
    },
  ],
  isInspected: true,
  run: async ({ server, crowd, isQuick, say }) => {
    const { target } = server;
    const rooms = isQuick ? 10 : ROOMS;
    const connections = isQuick ? 100 : CONNECTIONS;
    const order = {
      target,
      reading: 'count',
      isPresent: true,
      parallel: 20,
      firstClientId: 1000,
    } as const;
    say('warm-up');
    // Grows the heap and compiles the code, which are not the connections' to pay.
    const warmUp = [{ document: 'bench-warm-up', clients: WARM_UP_CONNECTIONS }];
    await crowd.ask({ do: 'join', order: { ...order, rooms: warmUp } });
    await crowd.ask({ do: 'leave' });
    const beforeMib = await settledMib(server);
    say('connecting');
    const each = connections / rooms;
    const idle = Array.from({ length: rooms }, (_, index) => ({
      document: `bench-idle-${index}`,
      clients: each,
    }));
    await crowd.ask({ do: 'join', order: { ...order, rooms: idle } });
    say('settling');
    const afterMib = await settledMib(server);
    const { clients, lost } = await crowd.ask({ do: 'stats' });
    await crowd.ask({ do: 'leave' });
    return {
      values: { memory: ((afterMib - beforeMib) * 1024) / connections },
      faults: lost > 0 ? [`the server closed ${lost} of ${clients} connections`] : [],
      remarks: [`${beforeMib.toFixed(0)} MiB before, ${afterMib.toFixed(0)} MiB after`],
    };
  },
};
