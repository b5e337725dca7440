/** Metrics of the bus, of anti-entropy and of what plugs into it; only on nodes that have others. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Fanout } from '../fanout/fanout.ts';
import type { SnapshotCounts } from '../fanout/snapshot-part.ts';
import type { SweepCounts } from '../fanout/sweep-part.ts';

/** What there is to be seen of the other nodes. */
export interface WatchedCluster {
  readonly fanout: Fanout;
  /** Null where there is no sweep. */
  readonly sweepCounts: () => SweepCounts | null;
  /** Null where snapshots stay on their node. */
  readonly snapshotCounts: () => SnapshotCounts | null;
  /** Rooms in which somebody waits for another region. */
  readonly waitingForReplicas: () => number;
  /** The furthest of the living nodes’ clocks from this one’s. */
  readonly clockDifferenceMs: () => number;
}

export function watchFanout(registry: Registry, cluster: WatchedCluster): void {
  const { fanout, sweepCounts, snapshotCounts, waitingForReplicas, clockDifferenceMs } = cluster;
  const { stats, exchange } = fanout;
  const registers = [registry];
  const { bus } = fanout;
  count('bus_published_total', 'Messages handed to Redis', () => bus.stats.published);
  count('bus_received_total', 'Messages that came from Redis', () => bus.stats.received);
  count('bus_heartbeats_total', 'Heartbeats; every tenth says everything', () => stats.heartbeats);
  count('bus_reconnect_total', 'Connections to Redis made again', () => bus.stats.reconnects);
  count('bus_no_receiver_total', 'Messages that nobody listened to', () => bus.stats.noReceiver);
  count('bus_gap_total', 'Messages missing in sequences', () => exchange.gaps);
  count('bus_updates_taken_total', 'Updates of other nodes that were new here', () => stats.taken);
  count('antientropy_answers_total', 'Questions of other nodes answered', () => stats.answers);
  count('antientropy_answered_bytes_total', 'Bytes of those answers', () => stats.answeredBytes);
  gauge('bus_queue_bytes', 'Bytes on their way to Redis', () => bus.queue.bytes);
  gauge('bus_peers', 'Other nodes that are alive', () => {
    return fanout.peers.filter(({ status }) => status === 'alive').length;
  });
  gauge('inbox_bytes', 'Updates of other nodes that wait to be looked at', () => {
    return fanout.backlog.inboxBytes;
  });
  gauge('antientropy_wanted_documents', 'Documents that another node is to be asked about', () => {
    return fanout.backlog.wants;
  });
  gauge('antientropy_questions', 'Questions to other nodes under way', () => {
    return fanout.backlog.questions;
  });
  gauge(
    'replicated_acks_waiting_documents',
    'Documents with acks that wait for another region',
    () => {
      return waitingForReplicas();
    },
  );
  gauge(
    'clock_difference_seconds',
    'Of the living nodes’ clocks to this one’s, the largest',
    () => {
      return clockDifferenceMs() / 1000;
    },
  );
  watchSweep(sweepCounts);
  watchSnapshots(snapshotCounts);
  gauge('divergence_documents', 'Documents of which another node says something else', () => {
    return fanout.divergence.documents;
  });
  gauge('divergence_age_seconds', 'For how long the oldest of them does', () => {
    return fanout.divergence.ageMs / 1000;
  });
  new Gauge({
    name: 'bus_link_up',
    help: '1 while the link to the Redis of a region carries messages both ways',
    labelNames: ['region'],
    registers,
    collect() {
      for (const { region, status } of fanout.links) this.set({ region }, status === 'up' ? 1 : 0);
    },
  });
  labelled('bus_dropped_total', 'Messages dropped', 'reason', () => [
    ...Object.entries(bus.stats.dropped),
    // Everybody hears what it says.
    ...Object.entries(exchange.dropped).filter(([reason]) => reason !== 'echo'),
    ...Object.entries(stats.dropped),
  ]);
  labelled('antientropy_rounds_total', 'Questions to other nodes', 'trigger', () => {
    return Object.entries(stats.rounds);
  });
  labelled('antientropy_results_total', 'What they came to', 'result', () => [
    ['useful', stats.roundsUseful],
    ['idle', stats.roundsIdle],
    ['failed', stats.roundsFailed],
  ]);

  function watchSweep(read: () => SweepCounts | null): void {
    const of = (key: Exclude<keyof SweepCounts, 'isFillingUp'>) => (): number => read()?.[key] ?? 0;
    count('sweep_rounds_total', 'Times that others were shown what is stored here', of('rounds'));
    count('sweep_wanted_total', 'Documents that the sweep has asked for', of('wanted'));
    count('sweep_buried_total', 'Deletions that the sweep has learnt', of('buried'));
    count('sweep_dropped_total', 'Lists that did not come, or found no place', of('dropped'));
    gauge('sweep_documents', 'Documents that are compared, deleted ones included', of('documents'));
    gauge(
      'sweep_awaited_documents',
      'Documents that others have and this node not yet',
      of('awaited'),
    );
    gauge('sweep_backlog_lists', 'Lists of other nodes to look at', of('backlog'));
    gauge('sweep_filling_up', '1 until what others have is here for the first time', () => {
      return read()?.isFillingUp === true ? 1 : 0;
    });
  }

  function watchSnapshots(read: () => SnapshotCounts | null): void {
    const of = (key: keyof SnapshotCounts) => (): number => read()?.[key] ?? 0;
    count('snapshots_taken_total', 'Snapshots that came from other nodes', of('taken'));
    count('snapshots_buried_total', 'Deletions of snapshots learnt from others', of('buried'));
    count('snapshots_refused_total', 'Snapshots of others that were damaged', of('refused'));
    gauge(
      'snapshots_waiting_documents',
      'Documents whose snapshots another node is asked for',
      of('waiting'),
    );
  }

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  function labelled(
    name: string,
    help: string,
    label: string,
    read: () => readonly (readonly [string, number])[],
  ): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, number] of read()) this.inc({ [label]: value }, number);
      },
    });
  }
}
