/** Metrics of the bus and of anti-entropy; only on nodes that have others. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Fanout } from '../fanout/fanout.ts';

export function watchFanout(registry: Registry, fanout: Fanout): void {
  const { stats, exchange } = fanout;
  const registers = [registry];
  const { bus } = fanout;
  count('bus_published_total', 'Messages handed to Redis', () => bus.stats.published);
  count('bus_received_total', 'Messages that came from Redis', () => bus.stats.received);
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
