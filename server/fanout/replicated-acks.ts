/**
 * Proves for this node's rooms that another region has what was written here. [I1] The two marks of a room
 * (rooms/replication.ts) come from two kinds of proof:
 *
 *   update k ──▶ peers ──DUR k──▶ chainSeq    every run that is published is remembered with its number
 *   probe p  ──▶ peers ──DUR p──▶ provenSeq   "this is my version at p": who has it says so; who has not asks for it,
 *                                             and says so when the answer is on its disk
 *
 * A probe is a message on the document's channel, so it has a number like an update and is a link of the same chain.
 * It is sent when somebody waits for the whole room, when something was not published (too large, no
 * connection), and again while answers stay away: what was lost costs a second, not an ack. In a partition
 * everything goes on, marks stand still, and the first probe after it releases them.
 *
 * Nothing is remembered of rooms in which nobody asked. Bounded: runs of a room are remembered more coarsely when
 * there are many; a proof then proves a little less. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Replicas, Replication } from '../rooms/replication.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';
import type { Epoch } from './envelope.ts';
import type { Received } from './exchange.ts';

/** Application messages with this topic are probes; no dialect may use it. */
export const PROBE_TOPIC = 'syncline/probe';
/** Until the first probe of something that is under way as an update: it is nearly always answered by then. */
const PATIENCE_MS = 1_000;
const PATIENCE_MS_MAX = 10_000;
const RUNS_MAX = 1_024;

interface Run {
  readonly busSeq: number;
  readonly storeSeq: number;
}

interface Tracked {
  readonly replication: Replication;
  runs: Run[];
  probes: Run[];
  /** Written here and never published, first and last; only a probe can prove it. */
  unsent: { first: number; readonly last: number } | null;
  /** The last number that was given to something of this document. */
  lastBusSeq: number;
  /** The end of the last run. */
  runSeq: number;
  patienceMs: number;
  timer: TimerHandle | null;
}

export interface ReplicatedAcksOptions {
  readonly region: string;
  readonly epoch: Epoch;
  readonly timers: Timers;
  /** Sends what waits for the flush, then a probe with the room's version. Returns the probe's number, or null. */
  readonly probe: (document: DocumentName) => number | null;
}

export class ReplicatedAcks implements Pick<Replicas, 'wanted'> {
  /** Reports about what nobody asked, from nobody who was asked, or of another start of this node. */
  ignored = 0;
  readonly #options: ReplicatedAcksOptions;
  readonly #tracked = new Map<DocumentName, Tracked>();

  constructor(options: ReplicatedAcksOptions) {
    this.#options = options;
  }

  /** Rooms in which somebody waits now. */
  get waitingCount(): number {
    let count = 0;
    for (const { replication } of this.#tracked.values()) if (replication.isWaiting) count += 1;
    return count;
  }

  /** A run of updates was published under this number, whether it left or not. */
  sent(replication: Replication | null, busSeq: number, storeSeq: number): void {
    if (replication === null) return;
    const tracked = this.#trackedOf(replication);
    tracked.lastBusSeq = busSeq;
    tracked.runSeq = storeSeq;
    tracked.runs.push({ busSeq, storeSeq });
    if (tracked.runs.length > RUNS_MAX) tracked.runs = tracked.runs.filter((_, at) => at % 2 === 1);
  }

  /** An update was not published, and will not be. */
  unsent(replication: Replication | null, storeSeq: number): void {
    if (replication === null) return;
    const tracked = this.#trackedOf(replication);
    // A run is several updates: it begins where the one before it has ended.
    tracked.unsent = { first: tracked.unsent?.first ?? tracked.runSeq + 1, last: storeSeq };
    tracked.runSeq = storeSeq;
    if (replication.isWaiting) this.#probe(tracked);
  }

  /** Somebody waits for more than is proven. */
  wanted(replication: Replication): void {
    const tracked = this.#trackedOf(replication);
    const { chainSeq, provenSeq } = replication.wantedSeqs;
    const probedSeq = tracked.probes.at(-1)?.storeSeq ?? replication.provenSeq;
    const needsProof = provenSeq > replication.provenSeq && provenSeq > probedSeq;
    const isUnsent = tracked.unsent !== null && tracked.unsent.first <= chainSeq;
    if (needsProof || (isUnsent && tracked.unsent !== null && tracked.unsent.last > probedSeq)) {
      this.#probe(tracked);
    } else this.#waitFor(tracked);
  }

  /** A report from the disk of another node. */
  onDurable({ region, message }: Received): void {
    if (message.kind !== 'durable') return;
    const isOurs = message.epoch === this.#options.epoch && region !== this.#options.region;
    for (const { document, upToSeq } of message.entries) {
      const tracked = isOurs ? this.#tracked.get(document) : undefined;
      if (tracked === undefined || upToSeq > tracked.lastBusSeq) this.ignored += 1;
      else this.#reached(tracked, upToSeq);
    }
  }

  /** The link to another region is up: what waits is asked for now. */
  retry(): void {
    for (const tracked of this.#tracked.values()) {
      tracked.patienceMs = PATIENCE_MS;
      if (tracked.replication.isWaiting) this.#probe(tracked);
    }
  }

  /** The room is closed; nobody waits for it any more. */
  closed(document: DocumentName): void {
    const tracked = this.#tracked.get(document);
    if (tracked === undefined) return;
    this.#stopWaiting(tracked);
    this.#tracked.delete(document);
  }

  close(): void {
    for (const document of this.#tracked.keys()) this.closed(document);
  }

  #trackedOf(replication: Replication): Tracked {
    const document = replication.document as DocumentName;
    const known = this.#tracked.get(document);
    if (known?.replication === replication) return known;
    // A room that was closed and opened again begins anew.
    this.closed(document);
    const tracked: Tracked = {
      replication,
      runs: [],
      probes: [],
      unsent: null,
      lastBusSeq: 0,
      runSeq: -1,
      patienceMs: PATIENCE_MS,
      timer: null,
    };
    this.#tracked.set(document, tracked);
    return tracked;
  }

  #reached(tracked: Tracked, upToSeq: number): void {
    const { replication } = tracked;
    const run = lastUpTo(tracked.runs, upToSeq);
    const probe = lastUpTo(tracked.probes, upToSeq);
    tracked.runs = tracked.runs.filter(({ busSeq }) => busSeq > upToSeq);
    tracked.probes = tracked.probes.filter(({ busSeq }) => busSeq > upToSeq);
    const provenSeq = Math.max(replication.provenSeq, probe?.storeSeq ?? -1);
    if (tracked.unsent !== null && provenSeq >= tracked.unsent.last) tracked.unsent = null;
    // Runs that were taken out before an unsent one was proven are covered by its proof.
    const chainSeq = Math.min(run?.storeSeq ?? -1, (tracked.unsent?.first ?? Infinity) - 1);
    if (run !== undefined || probe !== undefined) tracked.patienceMs = PATIENCE_MS;
    replication.advance({ chainSeq, provenSeq });
    if (!replication.isWaiting) this.#stopWaiting(tracked);
  }

  #probe(tracked: Tracked): void {
    const { replication } = tracked;
    const busSeq = this.#options.probe(replication.document as DocumentName);
    if (busSeq !== null) {
      tracked.lastBusSeq = busSeq;
      tracked.probes.push({ busSeq, storeSeq: replication.appliedSeq });
      if (tracked.probes.length > RUNS_MAX) tracked.probes.shift();
    }
    this.#waitFor(tracked);
  }

  #waitFor(tracked: Tracked): void {
    tracked.timer ??= this.#options.timers.setTimeout(() => {
      tracked.timer = null;
      if (!tracked.replication.isWaiting) return;
      tracked.patienceMs = Math.min(tracked.patienceMs * 2, PATIENCE_MS_MAX);
      this.#probe(tracked);
    }, tracked.patienceMs);
  }

  #stopWaiting(tracked: Tracked): void {
    if (tracked.timer !== null) this.#options.timers.clearTimeout(tracked.timer);
    tracked.timer = null;
  }
}

/** The last one whose number is not above; the list is in order. */
function lastUpTo(runs: readonly Run[], upToSeq: number): Run | undefined {
  return runs.findLast(({ busSeq }) => busSeq <= upToSeq);
}
