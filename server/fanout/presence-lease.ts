/**
 * Presence of other nodes, as leases. [I9] What a node says of its clients holds as long as the node lives, and some time
 * longer: until 12 s after its heartbeats have stayed away for 10, or until it says goodbye or starts anew. Then all its
 * clients go at once; when it is heard again both sides tell each other anew, so that a healed cut brings everybody back
 * without anyone doing anything. Some time longer, because clients that watch ignore who comes back as old as they went,
 * and everybody is newer after 15 s, when clients renew their presence.
 *
 * A cut may be shorter than a lease, and what changed meanwhile was missed: a node whose link has come up says so in its
 * heartbeats (`isAsking`), and everybody tells again.
 *
 * Messages get lost. Who has come or gone is said again for a while (presence-repeats.ts). Whoever has clients in a
 * document says so in full every 10 s, which repairs everything, a lost goodbye of a single client too; a table that is
 * not repeated for 35 s is let go by itself. A complete message without entries is a question: a room has just opened
 * there, and whoever has clients in it answers in full.
 *
 * Bounded: clients of one node in all documents (B19), nodes. Time comes from outside; `tick` is called about once a
 * second.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { NodeOwner, RemoteNews } from '../rooms/presence-remote.ts';
import type { PresenceEntry } from '../rooms/relay.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Epoch } from './envelope.ts';
import type { Received } from './exchange.ts';
import type { FanoutPart, FanoutScene, Peer, PeerChange } from './part.ts';
import { PresenceRepeats } from './presence-repeats.ts';
import { PRESENCE_ENTRIES_MAX, type PresenceMessage } from './messages.ts';

/** Beside the lease of the node itself (peers.ts), more than 15 s, and less than the 30 that ghosts may stay. */
const LOST_MS = 12_000;
const REFRESH_MS = 10_000;
/** Three refreshes, and some more. */
const TABLE_LEASE_MS = 35_000;
/** So long questions about one document are collected before they are answered. */
const ANSWER_DELAY_MS = 50;
/** So long nodes that may have missed anything are collected before they are told. */
const TELL_DELAY_MS = 500;
/** More than any number of nodes. */
const NODES_MAX = 1_024;
/** What a message may hold; see payloads.ts. Larger states stay on their node. */
const JSON_BYTES_MAX = 64 * 1024;
const CLOCK_MAX = 0xffff_ffff;

/** A room, as far as this is concerned. */
export interface PresentRoom {
  readonly name: DocumentName;
  readonly presence: {
    /** The clients of this node's own connections. */
    own(): readonly PresenceEntry[];
    applyRemote(
      owner: NodeOwner,
      entries: readonly PresenceEntry[],
      isComplete: boolean,
      countMax: number,
    ): RemoteNews;
    leaveNode(owner: NodeOwner): void;
  };
}

export interface PresenceLeaseOptions {
  readonly find: (name: DocumentName) => PresentRoom | null;
  readonly rooms: () => Iterable<PresentRoom>;
  readonly send: (message: PresenceMessage) => void;
  readonly timers: Timers;
}

interface Table {
  count: number;
  heardAtMs: number;
}

interface Leased {
  readonly owner: NodeOwner;
  readonly epoch: Epoch;
  hasLeft: boolean;
  /** Since when it has not been heard; null: it is. */
  lostAtMs: number | null;
  count: number;
  readonly tables: Map<DocumentName, Table>;
}

export class PresenceLease {
  /** Entries left out: malformed, or more than a node may have. */
  dropped = 0;
  readonly #options: PresenceLeaseOptions;
  readonly #nodes = new Map<string, Leased>();
  /** Documents that somebody has asked about: answered in a moment. */
  readonly #asked = new Set<DocumentName>();
  readonly #repeats: PresenceRepeats;
  #refreshedAtMs: number;
  #isTelling = false;

  constructor(options: PresenceLeaseOptions) {
    this.#options = options;
    this.#repeats = new PresenceRepeats(options.timers);
    this.#refreshedAtMs = options.timers.now();
  }

  /** Nodes whose lease runs. */
  get nodeCount(): number {
    return this.#nodes.size;
  }

  onPresence({ origin, epoch, message }: Received): void {
    if (message.kind !== 'presence') return;
    const room = this.#options.find(message.document);
    if (room === null) return;
    const leased = this.#leaseOf(origin, epoch);
    if (leased === null || leased.hasLeft) return;
    const { isComplete, entries } = message;
    const table = leased.tables.get(room.name) ?? { count: 0, heardAtMs: 0 };
    const countMax = PRESENCE_ENTRIES_MAX - leased.count + table.count;
    const news = room.presence.applyRemote(leased.owner, entries, isComplete, countMax);
    this.dropped += news.dropped;
    leased.count += news.count - table.count;
    table.count = news.count;
    table.heardAtMs = this.#options.timers.now();
    if (news.count === 0) leased.tables.delete(room.name);
    else leased.tables.set(room.name, table);
    if (isComplete && entries.length === 0) this.#answer(room);
  }

  /** A node has come, or come back: it is told who is here. Or it is gone: so are its clients, at once or soon. */
  onPeer({ node }: Pick<Peer, 'node'>, change: PeerChange): void {
    const leased = this.#nodes.get(node);
    if (leased !== undefined) this.#onChange(node, leased, change);
    if (change === 'joined' || change === 'restarted') this.sendAll();
  }

  #onChange(node: string, leased: Leased, change: PeerChange): void {
    switch (change) {
      case 'lost':
        leased.lostAtMs = this.#options.timers.now();
        break;
      case 'joined':
        leased.lostAtMs = null;
        if (leased.hasLeft) this.#nodes.delete(node);
        break;
      case 'left':
        this.#letGo(leased);
        leased.hasLeft = true;
        break;
      case 'restarted':
        this.#letGo(leased);
        this.#nodes.delete(node);
        break;
    }
  }

  /** A node may have missed anything. Several ask at a time, and more than once. */
  onAsked(): void {
    if (this.#isTelling || !this.#hasAny) return;
    this.#isTelling = true;
    this.#options.timers.setTimeout(() => {
      this.#isTelling = false;
      this.sendAll();
    }, TELL_DELAY_MS);
  }

  get #hasAny(): boolean {
    for (const { presence } of this.#options.rooms()) if (presence.own().length > 0) return true;
    return false;
  }

  /** Clients of this node have come, moved or gone. */
  say(document: DocumentName, entries: readonly PresenceEntry[], isComplete: boolean): void {
    this.#repeats.note(document, entries);
    this.#send(document, entries, isComplete);
  }

  closed(document: DocumentName): void {
    this.#repeats.closed(document);
  }

  /** A room has opened: who is in it elsewhere? */
  ask(document: DocumentName): void {
    this.#options.send({ kind: 'presence', document, isComplete: true, entries: [] });
  }

  /** Everybody who is here, in all documents: after a link came up, for a node that was not heard before. */
  sendAll(): void {
    for (const room of this.#options.rooms()) this.#sendTable(room);
  }

  /** Lets go of what was not repeated, and repeats who is here. */
  tick(): void {
    const nowMs = this.#options.timers.now();
    for (const [node, leased] of this.#nodes) {
      if (leased.lostAtMs !== null && nowMs - leased.lostAtMs >= LOST_MS) {
        this.#letGo(leased);
        this.#nodes.delete(node);
      }
      for (const [document, table] of leased.tables) {
        if (nowMs - table.heardAtMs >= TABLE_LEASE_MS) this.#letGoTable(leased, document);
      }
    }
    for (const { document, come, goodbyes } of this.#repeats.due()) {
      const own = this.#options.find(document)?.presence.own() ?? [];
      const here = own.filter(({ clientId }) => come.has(clientId));
      this.#send(document, [...here, ...goodbyes], false);
    }
    if (nowMs - this.#refreshedAtMs < REFRESH_MS) return;
    this.#refreshedAtMs = nowMs;
    this.sendAll();
  }

  #leaseOf(node: string, epoch: Epoch): Leased | null {
    const known = this.#nodes.get(node);
    if (known?.epoch === epoch) return known;
    // The start before this one is dead, whatever its lease says.
    if (known !== undefined) this.#letGo(known);
    else if (this.#nodes.size >= NODES_MAX) return null;
    const leased: Leased = {
      owner: { node },
      epoch,
      hasLeft: false,
      lostAtMs: null,
      count: 0,
      tables: new Map(),
    };
    this.#nodes.set(node, leased);
    return leased;
  }

  #letGo(leased: Leased): void {
    for (const document of leased.tables.keys()) this.#letGoTable(leased, document);
  }

  #letGoTable(leased: Leased, document: DocumentName): void {
    leased.count -= leased.tables.get(document)?.count ?? 0;
    leased.tables.delete(document);
    this.#options.find(document)?.presence.leaveNode(leased.owner);
  }

  /** Several may ask within a moment; one answer is for all of them. */
  #answer({ name }: PresentRoom): void {
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    this.#options.timers.setTimeout(() => {
      this.#asked.delete(name);
      const room = this.#options.find(name);
      if (room !== null) this.#sendTable(room);
    }, ANSWER_DELAY_MS);
  }

  #sendTable(room: PresentRoom): void {
    this.#send(room.name, room.presence.own(), true);
  }

  #send(document: DocumentName, entries: readonly PresenceEntry[], isComplete: boolean): void {
    for (const message of presenceMessages(document, entries, isComplete)) {
      this.#options.send(message);
    }
  }
}

export function presencePart(scene: FanoutScene): FanoutPart {
  const { exchange, registry, timers } = scene;
  const send = (message: PresenceMessage): void => {
    exchange.send(message);
  };
  const lease = new PresenceLease({
    find: (name) => registry.find(name),
    rooms: () => registry.rooms,
    send,
    timers,
  });
  return {
    onMessage: (received) => {
      const { message } = received;
      if (message.kind === 'heartbeat' && message.isAsking) lease.onAsked();
      lease.onPresence(received);
    },
    onPeer: (peer, change) => {
      lease.onPeer(peer, change);
    },
    onLink: ({ status }) => {
      if (status === 'up') lease.sendAll();
    },
    onOpened: ({ name }) => {
      lease.ask(name);
    },
    onClosed: ({ name }) => {
      lease.closed(name);
    },
    onPresence: ({ name }, entries, isComplete) => {
      lease.say(name, entries, isComplete);
    },
    tick: () => {
      lease.tick();
    },
  };
}

/** Half of what a message holds: names and numbers are counted at their longest, text by units. */
const ENTRIES_BYTES_MAX = 96 * 1024;

/**
 * Cut so that each fits a message. A complete table that takes several is sent as one that is complete, and the
 * rest as changes: who has more than that is in no hurry.
 */
export function* presenceMessages(
  document: DocumentName,
  entries: readonly PresenceEntry[],
  isComplete: boolean,
): Generator<PresenceMessage> {
  let run: PresenceEntry[] = [];
  let bytes = 0;
  const isWhole = entries.reduce((sum, entry) => sum + bytesOf(entry), 0) <= ENTRIES_BYTES_MAX;
  for (const entry of entries) {
    if (!fits(entry)) continue;
    const size = bytesOf(entry);
    if (run.length > 0 && bytes + size > ENTRIES_BYTES_MAX) {
      yield { kind: 'presence', document, isComplete: false, entries: run };
      run = [];
      bytes = 0;
    }
    run.push(entry);
    bytes += size;
  }
  if (run.length > 0) {
    yield { kind: 'presence', document, isComplete: isComplete && isWhole, entries: run };
  }
}

function fits({ clock, json }: PresenceEntry): boolean {
  if (clock > CLOCK_MAX) return false;
  return (
    json === null || json.length * 3 <= JSON_BYTES_MAX || Buffer.byteLength(json) <= JSON_BYTES_MAX
  );
}

function bytesOf({ json }: PresenceEntry): number {
  return 16 + (json?.length ?? 0) * 3;
}
