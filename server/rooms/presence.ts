/**
 * Presence (Yjs awareness) of one room: a table client id → (clock, raw JSON), latest wins. States are never
 * merged through documents; they are parsed only to bound them, and sent on as the bytes that came.
 *
 * A connection speaks for one client id, the first that it names; entries for other ids are ignored and not
 * punished, because stock y-websocket clients echo what they receive. When two connections name the same id
 * the newer state wins (a client that reconnects before its old socket is noticed dead); naming it with a
 * state already known only puts the connection in line to inherit the id. [I9]
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { hasDepthOver } from './json-depth.ts';

export interface PresenceLimits {
  readonly stateBytesMax: number;
  readonly stateDepthMax: number;
}

/** Highest step of a client's clock; honest clients count up by one. */
const CLOCK_STEP_MAX = 10_000;
const ENTRIES_PER_MESSAGE_MAX = 10_000;
const CLIENT_ID_MAX = 0xffff_ffff;

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
    // A UTF-16 unit takes at most three bytes; only states near the limit are measured exactly.
    if (json.length > this.#limits.stateBytesMax) return OVER_LIMIT;
    if (json.length * 3 > this.#limits.stateBytesMax) {
      if (Buffer.byteLength(json) > this.#limits.stateBytesMax) return OVER_LIMIT;
    }
    if (hasDepthOver(json, this.#limits.stateDepthMax)) return OVER_LIMIT;
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      return INVALID;
    }
    if (typeof value !== 'object' || Array.isArray(value)) return INVALID;

    const known = this.#states.get(clientId);
    if (known === undefined) {
      if (value === null) return OK;
      this.#idOf.set(owner, clientId);
      this.#set(clientId, { clock, json, owner, heir: null });
      return OK;
    }
    const isNewer = clock > known.clock || (clock === known.clock && value === null);
    if (known.owner !== owner) {
      this.#idOf.set(owner, clientId);
      if (!isNewer || value === null) {
        known.heir = owner;
        return OK;
      }
    }
    if (!isNewer) return OK;
    if (clock - known.clock > CLOCK_STEP_MAX) return OVER_LIMIT;
    if (value === null) this.#remove(clientId, clock);
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

  /** All states, encoded for a newcomer; null when nobody is present. */
  encodeAll(): Uint8Array | null {
    return this.#states.size === 0 ? null : encodeEntries(this.#states);
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
  }

  #remove(clientId: number, clock: number): void {
    this.#states.delete(clientId);
    this.#changed.set(clientId, { clock, json: null });
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
