/**
 * The inside of the fan-out, put together: what each part tells which other. Only wiring.
 */
import type { DocumentStore } from '../../persistence/store.ts';
import type { AccessControl } from '../access/access.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { Registry } from '../rooms/registry.ts';
import type { SnapshotReplica } from '../rooms/snapshot-replica.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Tracing } from '../rooms/tracing.ts';
import { AntiEntropy } from './anti-entropy.ts';
import { Answers } from './answers.ts';
import type { Bus } from './bus.ts';
import { Arrivals } from './arrivals.ts';
import { Chains } from './chains.ts';
import { Comparison } from './comparison.ts';
import { DELETED_DIGEST, isSame } from './digest.ts';
import type { Exchange } from './exchange.ts';
import { Heartbeat } from './heartbeat.ts';
import { Inbox } from './inbox.ts';
import { Lookups } from './lookups.ts';
import { News } from './news.ts';
import type { FanoutEvent, FanoutPart, FanoutScene } from './part.ts';
import type { Peers } from './peers.ts';
import { SharedRevocations } from './revocations.ts';
import type { FanoutStats } from './stats.ts';

export interface Engine {
  readonly scene: FanoutScene;
  readonly news: News;
  readonly inbox: Inbox;
  readonly arrivals: Arrivals;
  readonly antiEntropy: AntiEntropy;
  readonly comparison: Comparison;
  readonly lookups: Lookups;
  readonly answers: Answers;
  readonly revocations: SharedRevocations;
  readonly heartbeat: Heartbeat;
}

export interface EngineOptions {
  readonly exchange: Exchange;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly store: DocumentStore;
  readonly access: Pick<AccessControl, 'revocations' | 'revoke' | 'onRevoked'>;
  readonly snapshots?: SnapshotReplica;
  readonly timers: Timers;
  readonly random: () => number;
  readonly replication: 'full' | 'open';
  readonly updateBytesMax: number;
  readonly stats: FanoutStats;
  readonly peers: Peers;
  readonly parts: () => readonly FanoutPart[];
  readonly tracing?: Tracing | null;
  readonly report: (event: FanoutEvent) => void;
  readonly sabotage?: { readonly skipHeartbeat?: true };
}

export function assemble(options: EngineOptions): Engine {
  const { exchange, bus, registry, store, timers, random, stats, peers, parts } = options;
  const { access, report, updateBytesMax, replication, sabotage } = options;
  const news = new News(registry, timers, replication === 'full');
  const scene: FanoutScene = {
    exchange,
    registry,
    store,
    snapshots: options.snapshots ?? null,
    timers,
    random,
    isFull: replication === 'full',
    peers: () => peers.alive,
    isPeerBehind: (node) => peers.isBehind(node),
    isConnected: () => bus.links.every(({ status }) => status === 'up'),
    want: (document, from, trigger) => {
      antiEntropy.want(document, from, trigger);
    },
    sendInChain: (message) => {
      const { seq } = exchange.send(message);
      if (message.document !== null) news.published(message.document, seq);
      return seq;
    },
    bury,
    tells: (node) => parts().some((part) => part.tells?.(node) === true),
    isStored: (document) => {
      const digest = storedDigest(document);
      return digest !== null && !isSame(digest, DELETED_DIGEST);
    },
    tracing: options.tracing ?? null,
    report,
  };
  const chains = new Chains();
  const inbox = new Inbox(scene, stats);
  const antiEntropy: AntiEntropy = new AntiEntropy({
    scene,
    stats,
    peers,
    inbox,
    updateBytesMax,
    onCovered: (covered, room, storeSeq) => {
      chains.covered(covered.origin, covered.epoch, room.name, covered.upToSeq);
      for (const part of parts()) part.onCovered?.(covered, room, storeSeq);
    },
    onAnswered: (document) => {
      comparison.settle(document);
    },
    onDeleted: tellDeleted,
  });
  const comparison: Comparison = new Comparison({
    news,
    timers,
    knownSeqOf: (node, document) => chains.seqOf(node, document),
    onBehind: (document, node) => {
      antiEntropy.want(document, node, 'heartbeat');
    },
    onEqual: (document, node) => {
      antiEntropy.pace.agreed(document, node);
    },
    onDeletedThere: bury,
    onDeletedHere: tellDeleted,
    onUnknown: (document, node, entry) => {
      lookups.add(document, node, entry);
    },
  });
  const lookups = new Lookups(scene, news, storedDigest, (node, entry) => {
    comparison.look(node, entry);
  });
  const answers = new Answers({
    scene,
    stats,
    news,
    queuedBytes: () => bus.queue.bytes,
    onDeleted: tellDeleted,
  });
  const arrivals = new Arrivals({
    exchange,
    chains,
    peers,
    inbox,
    antiEntropy,
    news,
    parts,
    tracing: scene.tracing,
  });
  const revocations = new SharedRevocations({
    access,
    timers,
    send: (message) => {
      exchange.send(message);
    },
    onError: (error) => {
      report({ type: 'failed', doing: 'revoke', error });
    },
  });
  const isMute = sabotage?.skipHeartbeat === true;
  const heartbeat = new Heartbeat({ exchange, timers, random, news, revocations, stats, isMute });
  return {
    scene,
    news,
    inbox,
    arrivals,
    antiEntropy,
    comparison,
    lookups,
    answers,
    revocations,
    heartbeat,
  };

  /** It is deleted here, and another node does not know: the next heartbeats say so. */
  function tellDeleted(document: DocumentName): void {
    news.deleted(document);
  }

  /** Another node has deleted it. Written down even where nothing was known of it: a late update may come. */
  function bury(document: DocumentName, from: string): void {
    const known = news.digestOf(document);
    if (known !== null && isSame(known, DELETED_DIGEST)) return;
    // What is not open, and not here, is not replicated here.
    const mayBeHere = registry.find(document) !== null || replication === 'full';
    news.deleted(document);
    const deletion = mayBeHere ? deleteHere(document, from) : deleteStored(document, from);
    deletion
      .then(() => {
        for (const part of parts()) part.onDeleted?.(document);
      })
      .catch((error: unknown) => {
        report({ type: 'failed', doing: 'delete', error });
      });
  }

  async function deleteHere(document: DocumentName, from: string): Promise<void> {
    await registry.delete(document, { isRemote: true, isTold: scene.tells(from) });
  }

  async function deleteStored(document: DocumentName, from: string): Promise<void> {
    const stat = await store.stat(document);
    if (stat?.isDeleted === false) await deleteHere(document, from);
  }

  function storedDigest(document: DocumentName): Uint8Array | null {
    for (const part of parts()) {
      const digest = part.digestOf?.(document) ?? null;
      if (digest !== null) return digest;
    }
    return null;
  }
}

/** Says goodbye, and starts nothing any more. */
export function closeEngine(engine: Engine): void {
  engine.heartbeat.leave();
  engine.antiEntropy.close();
  engine.answers.close();
  engine.inbox.close();
  engine.comparison.close();
  engine.lookups.close();
  engine.revocations.close();
}
