/**
 * The fan-out: what rooms of this node tell the other nodes and the other way round. It hears the exchange and
 * implements the rooms' `Relay`; each thing it does lies in a part (part.ts). Nothing here is waited for by a room,
 * an ack or a client. [I4]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry, Relay, RelayedRun } from '../rooms/relay.ts';
import type { Room } from '../rooms/room.ts';
import type { FanoutPart, MakePart } from './part.ts';

export interface FanoutOptions {
  /** Replicated acks, presence leases, the sweep: told of everything, in this order. */
  readonly parts: readonly MakePart[];
}

export class Fanout implements Relay {
  readonly #parts: readonly FanoutPart[] = [];

  flushed(_room: Room, _runs: readonly RelayedRun[]): void {
    throw new Error('not yet');
  }

  changed(_room: Room): void {
    throw new Error('not yet');
  }

  durable(room: Room, durableSeq: number): void {
    for (const part of this.#parts) part.onDurable?.(room, durableSeq);
  }

  opened(_room: Room): Promise<void> | null {
    return null;
  }

  closed(room: Room): void {
    for (const part of this.#parts) part.onClosed?.(room);
  }

  presence(room: Room, entries: readonly PresenceEntry[], isComplete: boolean): void {
    for (const part of this.#parts) part.onPresence?.(room, entries, isComplete);
  }

  deleted(document: DocumentName, _deletedAtMs: number): void {
    for (const part of this.#parts) part.onDeleted?.(document);
  }
}
