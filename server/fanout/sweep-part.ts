/**
 * The slow sweep, plugged into the fan-out: keeps the index of everything stored up to date, builds it at the start
 * and lets the sweep run. Only where every node stores everything. See sweep.ts and digest-index.ts.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { pause } from '../rooms/timers.ts';
import type { Room } from '../rooms/room.ts';
import { roomDigest } from './digest.ts';
import { DigestIndex } from './digest-index.ts';
import type { FanoutPart, FanoutScene, MakePart } from './part.ts';
import { Sweep } from './sweep.ts';

const PAGE = 500;
/** Documents that are opened at a time to learn their digest: their heads and tails are read, their bases are not. */
const READERS = 8;
/** Rooms that were opened for that close within a second. */
const OPEN_MAX = 1_000;
const OPEN_PAUSE_MS = 100;
/** A document whose version has changed is looked at when it has been written; so many a second. */
const DIRTY_PER_TICK = 500;

export interface SweepPart {
  readonly makePart: MakePart;
  /** Other nodes may have a document that is not here; false on a node that has looked around. */
  isBehind(document: DocumentName): boolean;
  /** What is listed here lacks what others have: a node that has just started has not got it all yet. */
  isFillingUp(): boolean;
  /** For metrics. Null where only what is open is replicated. */
  readonly counts: () => SweepCounts | null;
}

export interface SweepCounts extends Pick<Sweep, 'rounds' | 'wanted' | 'buried' | 'dropped'> {
  /** Documents in the index, deleted ones included; 0 until it is built. */
  readonly documents: number;
  /** Others have them, and they are not here yet. */
  readonly awaited: number;
  /** Lists to ask for, or asked for. */
  readonly backlog: number;
  readonly isFillingUp: boolean;
}

export function sweepPart(): SweepPart {
  let sweep: Sweep | null = null;
  const index = new DigestIndex();
  return {
    isBehind: (document) => sweep?.isBehind(document) ?? false,
    isFillingUp: () => sweep?.isFillingUp ?? false,
    counts: () =>
      sweep === null
        ? null
        : {
            rounds: sweep.rounds,
            wanted: sweep.wanted,
            buried: sweep.buried,
            dropped: sweep.dropped,
            documents: index.count,
            awaited: sweep.awaitedCount,
            backlog: sweep.backlog,
            isFillingUp: sweep.isFillingUp,
          },
    makePart: (scene) => {
      if (!scene.isFull) return {};
      const running = sweepOn(scene, index);
      sweep = running;
      return partOf(scene, index, running);
    },
  };
}

function sweepOn(scene: FanoutScene, index: DigestIndex): Sweep {
  const { exchange, timers, random } = scene;
  return new Sweep({
    index,
    timers,
    random,
    send: (message) => {
      exchange.send(message);
    },
    want: (document, from, trigger) => {
      scene.want(document, from, trigger);
    },
    bury: (document, from) => {
      scene.bury(document, from);
    },
    peers: () => scene.peers(),
    isPeerBehind: (node) => scene.isPeerBehind(node),
    isConnected: () => scene.isConnected(),
  });
}

function partOf(scene: FanoutScene, index: DigestIndex, sweep: Sweep): FanoutPart {
  const { registry } = scene;
  const dirty = new Set<DocumentName>();
  let isClosed = false;

  /** The room must have nothing that is not on disk: the index speaks of what is stored. */
  function note(room: Room): void {
    const { name } = room;
    dirty.delete(name);
    index.set(name, roomDigest(room));
    if (index.has(name)) sweep.arrived(name);
  }

  return {
    start: () => {
      build(scene, index, () => isClosed).then(
        () => {
          sweep.ready();
        },
        (error: unknown) => {
          if (!isClosed) scene.report({ type: 'failed', doing: 'reading what is stored', error });
        },
      );
    },
    onMessage: (received) => {
      sweep.onMessage(received);
    },
    onPeer: (_peer, change) => {
      if (change === 'joined' || change === 'restarted') sweep.greet();
    },
    onOpened: ({ name }) => {
      dirty.add(name);
    },
    onDurable: ({ name }) => {
      dirty.add(name);
    },
    onClosed: (room) => {
      if (room.exists && room.isSettled) note(room);
      else dirty.delete(room.name);
    },
    onDeleted: (document) => {
      dirty.delete(document);
      index.setDeleted(document);
      sweep.arrived(document);
    },
    digestOf: (document) => index.digestOf(document),
    tick: () => {
      let left = DIRTY_PER_TICK;
      for (const document of dirty) {
        if (left === 0) break;
        left -= 1;
        const room = registry.find(document);
        // Not yet on disk: it becomes durable, and is dirty again.
        if (room === null || !room.isSettled) dirty.delete(document);
        else note(room);
      }
      sweep.tick();
    },
    close: () => {
      isClosed = true;
    },
  };
}

/** Everything stored, page by page. A document that cannot be opened is left out: it is compared when it can. */
async function build(
  scene: FanoutScene,
  index: DigestIndex,
  isClosed: () => boolean,
): Promise<void> {
  const { store } = scene;
  let after: string | undefined;
  for (;;) {
    const page = await store.list({
      limit: PAGE,
      includeDeleted: true,
      ...(after === undefined ? {} : { after }),
    });
    const alive: DocumentName[] = [];
    for (const { name, isDeleted } of page) {
      if (isDeleted) index.setDeleted(name as DocumentName);
      else alive.push(name as DocumentName);
    }
    const reader = async (): Promise<void> => {
      for (let name = alive.pop(); name !== undefined && !isClosed(); name = alive.pop()) {
        await read(scene, index, name);
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    after = page.at(-1)?.name;
    if (page.length < PAGE || isClosed()) return;
  }
}

async function read(scene: FanoutScene, index: DigestIndex, name: DocumentName): Promise<void> {
  const { registry, timers } = scene;
  // Somebody had it open meanwhile: what is known of it is newer.
  if (index.has(name)) return;
  while (registry.openCount > OPEN_MAX) await pause(timers, OPEN_PAUSE_MS);
  try {
    const { room, release } = await registry.visit(name);
    if (room.isSettled && room.exists) index.set(name, roomDigest(room));
    release();
  } catch (error) {
    scene.report({ type: 'failed', doing: `reading ${JSON.stringify(name)}`, error });
  }
}
