/** The other nodes: how they are reached, what this one keeps of theirs, and what an ack means. */
import type { Option } from './option.ts';

export interface ClusterConfig {
  /** One URL, or several of a cluster, separated by commas. */
  readonly redisUrl: string | null;
  readonly regions: readonly string[];
  readonly replication: 'full' | 'open';
  readonly ack: 'local' | 'replicated';
  readonly busSecret: string | null;
}

export const CLUSTER_OPTIONS: readonly Option<keyof ClusterConfig>[] = [
  {
    key: 'redisUrl',
    env: 'REDIS_URL',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'The Redis that the nodes of a region share: what they tell each other, counts of rate limits and used tickets. Several URLs, separated by commas, are a Redis Cluster. Without it the node is alone.',
  },
  {
    key: 'regions',
    env: 'REGIONS',
    kind: { type: 'list' },
    shown: 'none',
    isSecret: true,
    doc: 'The other regions and their Redis, as `us=redis://…,ap=redis://…`. This node publishes to REDIS_URL and listens to all.',
  },
  {
    key: 'replication',
    env: 'REPLICATION',
    kind: { type: 'choice', values: ['full', 'open'] },
    doc: '`full`: this node stores every document of the cluster. `open`: only those that are open on it.',
  },
  {
    key: 'ack',
    env: 'ACK',
    kind: { type: 'choice', values: ['local', 'replicated'] },
    doc: 'What an ack means to who does not ask for one (`?durability=`): `local` = on disk on this node, `replicated` = also on disk in another region. Needs REDIS_URL.',
  },
  {
    key: 'busSecret',
    env: 'BUS_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Signs what nodes tell each other, at least 16 bytes, the same on all nodes. Without it whoever may publish to Redis may pose as a node.',
  },
];

export function clusterDefaults(): ClusterConfig {
  return {
    redisUrl: null,
    regions: [],
    replication: 'full',
    ack: 'local',
    busSecret: null,
  };
}
