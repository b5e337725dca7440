/**
 * The history: what clients, faults and samplers saw, one fact a line, in the order of one monotonic clock. The
 * simulation and the chaos engine write it, the checker reads nothing else.
 *
 * An operation is `ok` only when its ack at the named level arrived, `fail` only when it was refused with a promise that
 * it was not applied; anything else (sent and the connection lost, refused by a store error, timed out) stays `info`
 * for ever: it may or may not show. Element ids are unique in a run over all documents and shapes.
 */

/** Milliseconds. `mono` orders everything; `t` (wall clock) is for people. */
export interface Stamp {
  readonly t: number;
  readonly mono: number;
  /** Who wrote the line: an editor, a prober, the driver. Unique in a run. */
  readonly proc: string;
}

export type AckLevel = 'local' | 'replicated';

/** State vector: client → next clock. Keys are decimal. */
export type StateVector = Readonly<Record<string, number>>;
/** Sorted, merged ranges: client → [clock, length][]. */
export type DeleteRanges = Readonly<Record<string, readonly (readonly [number, number])[]>>;

export interface Version {
  readonly sv: StateVector;
  readonly ds?: DeleteRanges;
}

/** One document's state, each layer as a hash, so that a difference names its layer (canonical.ts makes them). */
export interface Layers {
  /** Of the update of a fresh collecting document that was given the state. */
  readonly canon: string;
  readonly sv: string;
  readonly ds: string;
  readonly text: string;
  readonly json: string;
}

/** What the workload's three shapes show: the array's ids, the text's tokens, the map. In document order. */
export interface Content {
  readonly set: readonly string[];
  readonly text: readonly string[];
  readonly reg: Readonly<Record<string, number>>;
}

interface OpBase {
  /** `undo` may add and remove; `format` does neither. */
  readonly f: 'add' | 'del' | 'set' | 'format' | 'undo';
  /** Unique in a run, deletions included. */
  readonly op: string;
  readonly doc: string;
  readonly session: string;
}

/** A client did something to its own copy. */
export interface OpInvoke extends OpBase {
  readonly type: 'invoke';
  /** The Yjs client id that wrote it. */
  readonly client: number;
  /** The node it is connected to; null while offline. */
  readonly node: string | null;
  /** Elements that it adds to the array or the text. */
  readonly adds?: readonly string[];
  /** Elements that it deletes. */
  readonly dels?: readonly string[];
  readonly set?: { readonly key: string; readonly value: number };
  /** What the writer's copy had just before. */
  readonly deps?: Version;
}

/** The ack at `level` arrived from `node`. */
export interface OpOk extends OpBase {
  readonly type: 'ok';
  readonly node: string;
  readonly level: AckLevel;
  readonly ackSeq?: number;
}

/** `fail`: refused and promised not to be applied; `info`: nobody knows. */
export interface OpEnd extends OpBase {
  readonly type: 'fail' | 'info';
  readonly node?: string;
  readonly reason?: string;
}

/** One ack frame of a connection: `ackSeq` of the `sentSeq` that this connection had sent by then. */
export interface AckEvent {
  readonly f: 'ack';
  readonly session: string;
  readonly connection: string;
  readonly node: string;
  readonly ackSeq: number;
  readonly sentSeq: number;
}

export interface ConnectEvent {
  readonly f: 'connect';
  /** `ok`: synced, both ways. */
  readonly type: 'invoke' | 'ok' | 'fail';
  readonly session: string;
  readonly connection: string;
  readonly node: string;
  readonly doc: string;
  /** Whose presence the connection carries; absent when it carries none. */
  readonly user?: string;
  /** Are ack numbers said exactly once (Hocuspocus), or may the last be repeated (102)? Default: repeated. */
  readonly ackOnce?: boolean;
}

export interface CloseEvent {
  readonly f: 'close';
  readonly session: string;
  readonly connection: string;
  readonly node: string;
  readonly code?: number;
  readonly reason?: string;
}

/** Where a state was read. `isolated` reads could not have been repaired by a peer or a writer. */
export type ReadSource = 'client' | 'fresh' | 'rest' | 'disk';
/** `settled`: after the heal, everything still up; `final`: writers destroyed and nodes restarted. */
export type ReadPhase = 'running' | 'settled' | 'final';

export interface ReadEvent {
  readonly f: 'read';
  readonly type: 'ok' | 'fail';
  readonly doc: string;
  readonly node: string;
  readonly source: ReadSource;
  readonly phase: ReadPhase;
  /** When it was asked; the line's own stamp is when it was answered. */
  readonly invokedMono: number;
  /** On whose behalf, for what a session may expect; absent for probers. */
  readonly session?: string;
  /** The session's minimum version went along (X-Min-State-Vector). */
  readonly hasMinVersion?: boolean;
  /** Nothing but this node's disk can have given it: nobody brought anything since its start. */
  readonly isolated?: boolean;
  readonly layers?: Layers;
  readonly version?: Version;
  readonly content?: Content;
  /** Structs or deletions that wait for others. */
  readonly hasPending?: boolean;
  /** Of a refusal: HTTP status and the error's code. */
  readonly status?: number;
  readonly code?: string;
}

/** A connected copy showed these elements for the first time. */
export interface SeenEvent {
  readonly f: 'seen';
  readonly session: string;
  readonly node: string;
  readonly doc: string;
  readonly ids: readonly string[];
}

/** What a fault touches. Only `bus` faults leave local editing and local acks untouched. */
export type FaultScope = 'bus' | 'disk' | 'process' | 'client' | 'clock' | 'load';

export interface FaultEvent {
  readonly f: 'fault';
  /** `proved`: it happened, and here is how we know; `healed`: it is over. */
  readonly type: 'begin' | 'proved' | 'healed' | 'skipped';
  readonly id: string;
  /** F01 … F83 and a few words. */
  readonly name: string;
  /** Nodes, links, Redis servers or editors. */
  readonly target: string;
  readonly scope: FaultScope;
  readonly proof?: string;
  readonly reason?: string;
}

export interface NodeEvent {
  readonly f: 'node';
  readonly node: string;
  readonly region: string;
  /** `disk-lost`: its store is gone or cut below what was acked, on purpose. `crashed`: kill -9 or power loss. */
  readonly type: 'started' | 'ready' | 'crashed' | 'stopped' | 'disk-lost' | 'removed';
}

/**
 * What the driver does. `quiet`: every fault is healed, from here on nobody edits, connects or leaves; `settled`: the quiet
 * ended; `baseline-end`: what came before is the measure for neighbours; `writers-destroyed` and `nodes-restarted` before final reads.
 */
export interface MarkEvent {
  readonly f: 'mark';
  readonly name:
    'baseline-end' | 'quiet' | 'settled' | 'writers-destroyed' | 'nodes-restarted' | 'end';
}

/** A stored document was opened after a crash. */
export interface OpenEvent {
  readonly f: 'open';
  readonly type: 'ok' | 'fail';
  readonly node: string;
  readonly doc: string;
  readonly durationMs: number;
  readonly hasPending?: boolean;
  readonly reason?: string;
}

/** The offline check of a node's store. */
export interface VerifyEvent {
  readonly f: 'verify';
  readonly node: string;
  readonly doc: string;
  readonly isContiguous: boolean;
  readonly hasGoodChecksums: boolean;
  /** Snapshot and log replayed, and what the node served: canonical hashes. */
  readonly diskCanon?: string;
  readonly servedCanon?: string;
  readonly reason?: string;
}

/** Counters and gauges of a node. Resources are compared between `baseline` and `after` (60 s after the run). */
export interface ResourcesEvent {
  readonly f: 'resources';
  readonly node: string;
  readonly phase: 'baseline' | 'running' | 'after';
  /** rssBytes, handles, timers, fds, listeners, redisQueueBytes, pendingBytes… what there is. */
  readonly gauges: Readonly<Record<string, number>>;
  /** antientropyRounds, ackedRegressions… only ever rise while the process lives. */
  readonly counters?: Readonly<Record<string, number>>;
}

/** A session's rights. `expMono`: when they end by themselves; a later line of `revoked` ends them at once. */
export interface TokenEvent {
  readonly f: 'token';
  readonly type: 'granted' | 'revoked';
  readonly session: string;
  readonly access?: 'none' | 'read' | 'write' | 'admin';
  /** Names or prefixes with a final `*`. */
  readonly docs?: readonly string[];
  readonly expMono?: number;
}

/** Who an observer sees in a document. */
export interface PresenceEvent {
  readonly f: 'presence';
  readonly session: string;
  readonly node: string;
  readonly doc: string;
  readonly users: readonly string[];
}

export type Fact =
  | OpInvoke
  | OpOk
  | OpEnd
  | AckEvent
  | ConnectEvent
  | CloseEvent
  | ReadEvent
  | SeenEvent
  | FaultEvent
  | NodeEvent
  | MarkEvent
  | OpenEvent
  | VerifyEvent
  | ResourcesEvent
  | TokenEvent
  | PresenceEvent;

export type HistoryEvent = Fact & Stamp;
export type History = readonly HistoryEvent[];
