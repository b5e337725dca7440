/**
 * Presence (Yjs awareness) of one room: a table client id → (clock, raw JSON), latest wins. States are never
 * merged through documents; they are parsed only to bound them, and sent on as the bytes that came.
 *
 * A connection speaks for one client id, the first that it names; entries for other ids are ignored and not
 * punished, because stock y-websocket clients echo what they receive. When two connections name the same id
 * the newer state wins (a client that reconnects before its old socket is noticed dead); naming it with a
 * state already known only puts the connection in line to inherit the id. [I9]
 *
 * Clients of other nodes are shown like those that are here, but never told to other nodes again. Whom a
 * connection of this node speaks for is what that connection says, whatever other nodes say of the same id.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { UPDATE_LIMITS } from '../protocol/limits.ts';
import { RemotePresence, type NodeOwner, type RemoteNews } from './presence-remote.ts';
import { judgeState, type PresenceLimits } from './presence-state.ts';
import type { PresenceEntry } from './relay.ts';

export type { PresenceLimits } from './presence-state.ts';

/** Highest step of a client's clock; honest clients count up by one. */
const CLOCK_STEP_MAX = 10_000;
const ENTRIES_PER_MESSAGE_MAX = 10_000;
const CLIENT_ID_MAX = UPDATE_LIMITS.clientIdMax;

interface Entry {
  clock: number;
  /** JSON as received, or null once the client said goodbye. */
  json: string | null;
}

interface OwnEntry {
  clientId: number;
  clock: number;
  json: string;
}

interface State extends Entry {
  owner: object;
  /** A connection that named the same id with nothing newer; it inherits the id when the owner leaves. */
  heir: object | null;
}

export type PresenceResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused'; readonly code: 'invalid-presence' | 'presence-limit' };

const OK: PresenceResult = { kind: 'ok' };
const INVALID: PresenceResult = { kind: 'refused', code: 'invalid-presence' };
const OVER_LIMIT: PresenceResult = { kind: 'refused', code: 'presence-limit' };

export class PresenceTable {
  readonly #limits: PresenceLimits;
  readonly #states = new Map<number, State>();
  readonly #idOf = new Map<object, number>();
  readonly #changed = new Map<number, Entry>();
  /** Null until another node has somebody here. */
  #remote: RemotePresence | null = null;
  /** Changes of connections of this node, for the others; null while nobody wants to know. */
  #ownChanged: Map<number, Entry> | null = null;

  constructor(limits: PresenceLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#states.size;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** Takes an encoded awareness update from the connection `owner`. Nothing is applied when it is refused. */
  apply(bytes: Uint8Array, owner: object): PresenceResult {
    let own: OwnEntry | null = null;
    try {
      const decoder = decoding.createDecoder(bytes);
      const count = decoding.readVarUint(decoder);
      if (count > ENTRIES_PER_MESSAGE_MAX) return OVER_LIMIT;
      for (let index = 0; index < count; index += 1) {
        const clientId = decoding.readVarUint(decoder);
        const clock = decoding.readVarUint(decoder);
        const json = decoding.readVarString(decoder);
        if (clientId > CLIENT_ID_MAX) return INVALID;
        const speaksFor: number = this.#idOf.get(owner) ?? own?.clientId ?? clientId;
        if (clientId === speaksFor) own = { clientId, clock, json };
      }
      if (decoding.hasContent(decoder)) return INVALID;
    } catch {
      return INVALID;
    }
    return own === null ? OK : this.#applyOwn(own.clientId, own.clock, own.json, owner);
  }

  #applyOwn(clientId: number, clock: number, json: string, owner: object): PresenceResult {
    const verdict = judgeState(json, this.#limits);
    if (verdict === 'over-limit') return OVER_LIMIT;
    if (verdict === 'invalid') return INVALID;
    const isGone = verdict === 'gone';

    const known = this.#states.get(clientId);
    if (known === undefined) {
      if (isGone) return OK;
      this.#idOf.set(owner, clientId);
      this.#set(clientId, { clock, json, owner, heir: null });
      return OK;
    }
    const isNewer = clock > known.clock || (clock === known.clock && isGone);
    if (known.owner !== owner) {
      this.#idOf.set(owner, clientId);
      if (!isNewer || isGone) {
        known.heir = owner;
        return OK;
      }
    }
    if (!isNewer) return OK;
    if (clock - known.clock > CLOCK_STEP_MAX) return OVER_LIMIT;
    if (isGone) this.#remove(clientId, clock);
    else
      this.#set(clientId, { clock, json, owner, heir: known.owner === owner ? known.heir : null });
    return OK;
  }

  /** The connection is gone: its client is no longer present, unless another connection speaks for it. */
  leave(owner: object): void {
    const clientId = this.#idOf.get(owner);
    this.#idOf.delete(owner);
    const state = clientId === undefined ? undefined : this.#states.get(clientId);
    if (clientId === undefined || state === undefined) return;
    if (state.heir === owner) state.heir = null;
    if (state.owner !== owner) return;
    if (state.heir === null) {
      this.#remove(clientId, state.clock);
    } else {
      state.owner = state.heir;
      state.heir = null;
    }
  }

  /** What another node says of its clients here. `countMax`: how many it may have. */
  applyRemote(
    owner: NodeOwner,
    entries: readonly PresenceEntry[],
    isComplete: boolean,
    countMax: number,
  ): RemoteNews {
    this.#remote ??= new RemotePresence(this.#limits);
    const news = this.#remote.apply(owner, entries, isComplete, countMax);
    for (const [clientId, clock] of news.changed) this.#showRemote(clientId, clock);
    return news;
  }

  /** Another node is gone, or out of reach: so are its clients. */
  leaveNode(owner: NodeOwner): void {
    const changed = this.#remote?.leave(owner) ?? [];
    for (const [clientId, clock] of changed) this.#showRemote(clientId, clock);
  }

  /** The clients of this node's own connections, for the other nodes. */
  own(): readonly PresenceEntry[] {
    return [...this.#states].map(([clientId, { clock, json }]) => ({ clientId, clock, json }));
  }

  /** What of that has changed since the last call; the first call starts the counting. */
  takeOwnChanges(): readonly PresenceEntry[] {
    const changed = this.#ownChanged;
    if (changed === null) {
      this.#ownChanged = new Map();
      return this.own();
    }
    if (changed.size === 0) return [];
    const entries = [...changed].map(([clientId, { clock, json }]) => ({ clientId, clock, json }));
    changed.clear();
    return entries;
  }

  /** All states, encoded for a newcomer; null when nobody is present. */
  encodeAll(): Uint8Array | null {
    const states = this.#remote === null ? this.#states : this.#withRemote(this.#remote);
    return states.size === 0 ? null : encodeEntries(states);
  }

  /** What changed since the last call, one entry a client however often it changed; null when nothing did. */
  takeChanges(): Uint8Array | null {
    if (this.#changed.size === 0) return null;
    const bytes = encodeEntries(this.#changed);
    this.#changed.clear();
    return bytes;
  }

  #set(clientId: number, state: State): void {
    this.#states.set(clientId, state);
    this.#changed.set(clientId, state);
    this.#ownChanged?.set(clientId, state);
  }

  #remove(clientId: number, clock: number): void {
    this.#states.delete(clientId);
    const gone: Entry = { clock, json: null };
    // It may have moved to another node before its connection here was noticed dead.
    this.#changed.set(clientId, this.#remote?.find(clientId) ?? gone);
    this.#ownChanged?.set(clientId, gone);
  }

  /** `clock`: of what was shown of the client; a goodbye below it would not be believed. */
  #showRemote(clientId: number, clock: number): void {
    if (this.#states.has(clientId)) return;
    this.#changed.set(clientId, this.#remote?.find(clientId) ?? { clock, json: null });
  }

  #withRemote(remote: RemotePresence): ReadonlyMap<number, Entry> {
    const all = new Map<number, Entry>();
    for (const clientId of remote.clientIds()) {
      const state = remote.find(clientId);
      if (state !== null) all.set(clientId, state);
    }
    for (const [clientId, state] of this.#states) all.set(clientId, state);
    return all;
  }
}

function encodeEntries(entries: ReadonlyMap<number, Entry>): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, entries.size);
  for (const [clientId, entry] of entries) {
    encoding.writeVarUint(encoder, clientId);
    encoding.writeVarUint(encoder, entry.clock);
    encoding.writeVarString(encoder, entry.json ?? 'null');
  }
  return encoding.toUint8Array(encoder);
}
