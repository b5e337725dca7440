/**
 * How far a room is on disk in *another region*, and who waits for that. [I1] Two marks, because what was written on
 * this node is followed update by update, and everything else can only be compared as a whole:
 *
 *   chainSeq    everything written *on this node* since somebody wanted to know, up to there, is in another region
 *   provenSeq   *everything* up to there is: a peer has compared its version with ours at that moment
 *
 * A caller whose updates were all new needs the first only, and waits one round trip. Who sent what was known
 * already (a client that reconnects) needs the second: who had brought it here, and whether it has got any
 * further, nobody here knows.
 *
 * Nothing of this exists in a room in which nobody asked for it.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { RoomContext } from './context.ts';
import type { Timers } from './timers.ts';
import { Waits } from './waits.ts';

/** What an ack means: on disk here, or also in another region. */
export type DurabilityLevel = 'local' | 'replicated';

/** Which levels a node offers. */
export interface DurabilityOffer {
  /** Of who does not ask for one. */
  readonly ack: DurabilityLevel;
  /** False on a node that knows no others: nobody could ever be told more than `local`. */
  readonly canReplicate: boolean;
}

/** What a caller asks for (null: nothing said); null for what is no level, or none that this node has. */
export function levelOf(asked: string | null, offer: DurabilityOffer): DurabilityLevel | null {
  const level = asked ?? offer.ack;
  if (level === 'local') return level;
  return level === 'replicated' && offer.canReplicate ? level : null;
}

/** What somebody waits for; -1: nothing. */
export interface ReplicationNeed {
  readonly chainSeq: number;
  readonly provenSeq: number;
}

/** Who asks the other regions. */
export interface Replicas {
  /** Somebody waits for more of the room than is proven; not called again before that has changed or is covered. */
  wanted(replication: Replication): void;
  /** Somebody has seen a version of the document that is not here: another node is asked for it. */
  seek(document: DocumentName): void;
}

/** A room, as far as this is concerned. */
interface Followed {
  readonly name: string;
  readonly context: RoomContext;
  readonly appliedSeq: number;
  replication: Replication | null;
  tellWaiting(): void;
}

/** From now on it is known how far other regions are with the room. */
export function followed(room: Followed): Replication {
  room.replication ??= new Replication(
    room.name,
    () => room.appliedSeq,
    room.context.replicas ?? null,
    room.context.timers,
    () => {
      room.tellWaiting();
    },
  );
  return room.replication;
}

export class Replication {
  readonly document: string;
  readonly #appliedSeq: () => number;
  readonly #replicas: Pick<Replicas, 'wanted'> | null;
  readonly #onAdvance: () => void;
  readonly #requests: Waits;
  #chainSeq = -1;
  #provenSeq = -1;
  #localSeq = -1;
  #wanted: ReplicationNeed = { chainSeq: -1, provenSeq: -1 };

  /** `onAdvance`: a mark has moved. */
  constructor(
    document: string,
    appliedSeq: () => number,
    replicas: Pick<Replicas, 'wanted'> | null,
    timers: Timers,
    onAdvance: () => void,
  ) {
    this.document = document;
    this.#appliedSeq = appliedSeq;
    this.#replicas = replicas;
    this.#onAdvance = onAdvance;
    this.#requests = new Waits(timers);
  }

  get chainSeq(): number {
    return Math.max(this.#chainSeq, this.#provenSeq);
  }

  get provenSeq(): number {
    return this.#provenSeq;
  }

  /** The newest update that was written on this node. */
  get localSeq(): number {
    return this.#localSeq;
  }

  /** Everything that the room has accepted. */
  get appliedSeq(): number {
    return this.#appliedSeq();
  }

  /** The most that anybody waits for. */
  get wantedSeqs(): ReplicationNeed {
    return this.#wanted;
  }

  get isWaiting(): boolean {
    return !this.covers(this.#wanted);
  }

  covers({ chainSeq, provenSeq }: ReplicationNeed): boolean {
    return this.chainSeq >= chainSeq && this.#provenSeq >= provenSeq;
  }

  /** An update was accepted that somebody wrote on this node. */
  accepted(seq: number): void {
    this.#localSeq = seq;
  }

  want(need: ReplicationNeed): void {
    if (this.covers(need)) return;
    this.#wanted = {
      chainSeq: Math.max(this.#wanted.chainSeq, need.chainSeq),
      provenSeq: Math.max(this.#wanted.provenSeq, need.provenSeq),
    };
    this.#replicas?.wanted(this);
  }

  /** True once it is covered, false after `timeoutMs`. @throws what `fail` was given */
  async until(need: ReplicationNeed, timeoutMs: number): Promise<boolean> {
    this.want(need);
    return await this.#requests.until(() => this.covers(need), timeoutMs);
  }

  /** Another region has more. Marks only rise. */
  advance({ chainSeq, provenSeq }: ReplicationNeed): void {
    if (chainSeq <= this.#chainSeq && provenSeq <= this.#provenSeq) return;
    this.#chainSeq = Math.max(this.#chainSeq, chainSeq);
    this.#provenSeq = Math.max(this.#provenSeq, provenSeq);
    this.#requests.look();
    this.#onAdvance();
  }

  fail(error: () => Error): void {
    this.#requests.fail(error);
  }
}
