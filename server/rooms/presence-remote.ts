/**
 * Who other nodes say is in a room: for each node what it last said, so that a client which moves from one node to
 * another is never lost in between, and everything of a node that has died goes at once. [I9]
 *
 * Nodes are trusted no more than clients with the form of a state: what is no JSON object within the limits is
 * left out and counted, the rest of the message is taken.
 */
import { isState, type PresenceLimits } from './presence-state.ts';
import type { PresenceEntry } from './relay.ts';

/** A client as some node has it. */
export interface RemoteState {
  readonly clock: number;
  readonly json: string;
}

/** Another node, as this one knows it: one object from when it is first heard until its lease ends. */
export interface NodeOwner {
  readonly node: string;
}

/** Clients of whom a node now says something else, with the newest clock that was known of each before. */
export type RemoteChanges = ReadonlyMap<number, number>;

export interface RemoteNews {
  readonly changed: RemoteChanges;
  /** Clients that the node has in this room now. */
  readonly count: number;
  /** Entries that were left out: malformed, or over the limit. */
  readonly dropped: number;
}

export class RemotePresence {
  readonly #limits: PresenceLimits;
  readonly #nodes = new Map<NodeOwner, Map<number, RemoteState>>();

  constructor(limits: PresenceLimits) {
    this.#limits = limits;
  }

  /** The newest state that any node has of a client. */
  find(clientId: number): RemoteState | null {
    let newest: RemoteState | null = null;
    for (const states of this.#nodes.values()) {
      const state = states.get(clientId);
      if (state !== undefined && (newest === null || state.clock > newest.clock)) newest = state;
    }
    return newest;
  }

  clientIds(): ReadonlySet<number> {
    return new Set([...this.#nodes.values()].flatMap((states) => [...states.keys()]));
  }

  /** `isComplete`: whom the entries do not name, the node no longer has. `countMax`: of its clients here. */
  apply(
    owner: NodeOwner,
    entries: readonly PresenceEntry[],
    isComplete: boolean,
    countMax: number,
  ): RemoteNews {
    const states = this.#nodes.get(owner) ?? new Map<number, RemoteState>();
    const changed = new Map<number, number>();
    let dropped = 0;
    const note = (clientId: number, clock: number): void => {
      changed.set(clientId, Math.max(this.find(clientId)?.clock ?? 0, clock));
    };
    if (isComplete) {
      const named = new Set(entries.map(({ clientId }) => clientId));
      for (const clientId of states.keys()) {
        if (named.has(clientId)) continue;
        note(clientId, 0);
        states.delete(clientId);
      }
    }
    for (const { clientId, clock, json } of entries) {
      const known = states.get(clientId);
      if (json === null || json === 'null') {
        if (known === undefined || clock < known.clock) continue;
        note(clientId, clock);
        states.delete(clientId);
      } else if (known === undefined || clock > known.clock) {
        const isOver = known === undefined && states.size >= countMax;
        if (isOver || !isState(json, this.#limits)) {
          dropped += 1;
          continue;
        }
        note(clientId, 0);
        states.set(clientId, { clock, json });
      }
    }
    if (states.size === 0) this.#nodes.delete(owner);
    else this.#nodes.set(owner, states);
    return { changed, count: states.size, dropped };
  }

  /** The node is gone, or out of reach. Returns whom it had. */
  leave(owner: NodeOwner): RemoteChanges {
    const changed = new Map<number, number>();
    for (const clientId of this.#nodes.get(owner)?.keys() ?? []) {
      changed.set(clientId, this.find(clientId)?.clock ?? 0);
    }
    this.#nodes.delete(owner);
    return changed;
  }
}
