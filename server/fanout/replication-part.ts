/**
 * Replicated acks, plugged into the fan-out: receipts for what other nodes send, proofs for what is written here, and
 * the probes between them. See receipts.ts and replicated-acks.ts.
 */
import type { Replicas } from '../rooms/replication.ts';
import type { Room } from '../rooms/room.ts';
import { isSame, roomDigest } from './digest.ts';
import type { Received } from './exchange.ts';
import type { FanoutPart, FanoutScene, MakePart } from './part.ts';
import { Receipts } from './receipts.ts';
import { PROBE_TOPIC, ReplicatedAcks } from './replicated-acks.ts';
import { DIGEST_BYTES } from './messages.ts';
import { ReceiptTraces } from './traces.ts';

/** Probes of one node that are looked at, at a time: each may open a document. */
const PROBES_MAX = 64;

export interface ReplicationPart {
  readonly makePart: MakePart;
  /** For rooms, which are made before the fan-out. */
  readonly replicas: Replicas;
  /** Rooms in which somebody waits for another region. */
  waitingCount(): number;
}

export function replicationPart(): ReplicationPart {
  let acks: ReplicatedAcks | null = null;
  let onScene: FanoutScene | null = null;
  return {
    replicas: {
      wanted: (replication) => {
        acks?.wanted(replication);
      },
      seek: (document) => {
        onScene?.want(document, null, 'awaited');
      },
    },
    waitingCount: () => acks?.waitingCount ?? 0,
    makePart: (scene) => {
      acks = proofsOf(scene);
      onScene = scene;
      return partOf(scene, acks);
    },
  };
}

function proofsOf(scene: FanoutScene): ReplicatedAcks {
  const { exchange, registry, timers } = scene;
  const { region, epoch } = exchange.self;
  return new ReplicatedAcks({
    region,
    epoch,
    timers,
    probe: (document) => {
      const room = registry.find(document);
      if (room === null) return null;
      // What is on its way out belongs before it.
      room.flush();
      const bytes = roomDigest(room);
      return scene.sendInChain({ kind: 'application', document, topic: PROBE_TOPIC, bytes });
    },
  });
}

function partOf(scene: FanoutScene, acks: ReplicatedAcks): FanoutPart {
  const { exchange, registry, timers } = scene;
  const traces = new ReceiptTraces();
  const receipts = new Receipts({
    region: exchange.self.region,
    timers,
    send: (message) => {
      exchange.send(message, traces.of(message));
    },
    durableSeqOf: (document) => registry.find(document)?.durableSeq ?? Infinity,
  });
  const regionOf = (node: string): string =>
    scene.peers().find((peer) => peer.node === node)?.region ?? '';
  let probesRunning = 0;

  /** Another node shows us its version: ours is the same, or we ask for the rest and say so when it has come. */
  async function compare(received: Received, room: Room, digest: Uint8Array): Promise<void> {
    if (isSame(roomDigest(room), digest)) {
      receipts.covered(received, room.name, received.seq, room.appliedSeq);
    } else scene.want(room.name, received.origin, 'awaited');
  }

  async function onProbe(received: Received): Promise<void> {
    const { message, region } = received;
    if (message.kind !== 'application' || message.document === null) return;
    if (message.bytes.length !== DIGEST_BYTES || region === exchange.self.region) return;
    const open = registry.find(message.document);
    if (open !== null) {
      await compare(received, open, message.bytes);
      return;
    }
    if (!scene.isFull || probesRunning >= PROBES_MAX) return;
    probesRunning += 1;
    try {
      const { room, release } = await registry.visit(message.document);
      try {
        await compare(received, room, message.bytes);
      } finally {
        release();
      }
    } finally {
      probesRunning -= 1;
    }
  }

  return {
    onMessage: (received) => {
      const { message } = received;
      if (message.kind === 'durable') {
        const { origin, region, traceparent: parent } = received;
        if (parent !== null) scene.tracing?.proven({ origin, region, parent });
        acks.onDurable(received);
      } else if (message.kind === 'application' && message.topic === PROBE_TOPIC) {
        onProbe(received).catch((error: unknown) => {
          // It asks again; a document that is deleted or damaged here proves nothing.
          scene.report({ type: 'failed', doing: 'looking at a probe', error });
        });
      }
    },
    onSent: ({ replication }, { busSeq, storeSeq }) => {
      if (busSeq === null) acks.unsent(replication, storeSeq);
      else acks.sent(replication, busSeq, storeSeq);
    },
    onTaken: (received, room, storeSeq, trace) => {
      if (trace !== null) traces.note(received, trace);
      const { previousSeq } = received.message;
      receipts.note(received, room.name, previousSeq, received.seq, storeSeq);
    },
    onCovered: ({ origin, epoch, upToSeq }, room, storeSeq) => {
      receipts.covered({ origin, epoch, region: regionOf(origin) }, room.name, upToSeq, storeSeq);
    },
    onDurable: (room, durableSeq) => {
      receipts.durable(room.name, durableSeq);
    },
    onPeer: (peer, change) => {
      if (change === 'restarted') receipts.forget(peer.node, peer.epoch);
      if (change === 'joined' || change === 'restarted') acks.retry();
    },
    onLink: ({ status }) => {
      if (status === 'up') acks.retry();
    },
    onClosed: ({ name }) => {
      acks.closed(name);
    },
    close: () => {
      receipts.close();
      acks.close();
    },
  };
}
