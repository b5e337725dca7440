/** What the benchmark and its crowd (a child process full of readers) say to each other. */
import type { Target } from './bench-client.ts';

export interface JoinOrder {
  readonly target: Target;
  /** Clients of one document are spread over the whole list, as people who come one by one are. */
  readonly rooms: readonly { readonly document: string; readonly clients: number }[];
  /**
   * `lazy`: sockets are read every 50 ms, so that thousands of small messages cost little; everything that
   * arrives is kept for `check`. `count`: read at once, only counted: for large documents.
   */
  readonly reading: 'lazy' | 'count';
  /** True: every client announces a presence, and renews it every 15 s as y-protocols does. */
  readonly isPresent: boolean;
  /** How many connections are opened at a time. */
  readonly parallel: number;
  /** First client id of the presences; the others count on from it. */
  readonly firstClientId: number;
}

export interface CheckOrder {
  /** What each reader of a document must have ended up with. */
  readonly expected: readonly { readonly document: string; readonly text: string }[];
}

export interface CrowdStats {
  readonly clients: number;
  /** Connections that a server has ended: none in a valid run. */
  readonly lost: number;
  readonly syncMessages: number;
  readonly syncBytes: number;
  readonly presenceMessages: number;
  /** CPU of the crowd's process since it started: milliseconds. */
  readonly cpuMs: number;
  /** Least and most sync bytes that any one client has received. */
  readonly leastBytes: number;
  readonly mostBytes: number;
}

export type CrowdRequest =
  | { readonly do: 'join'; readonly order: JoinOrder }
  | { readonly do: 'stats' }
  | { readonly do: 'check'; readonly order: CheckOrder }
  | { readonly do: 'move'; readonly periodMs: number }
  | { readonly do: 'rest' }
  | { readonly do: 'leave' };

export interface CrowdAnswers {
  readonly join: null;
  readonly stats: CrowdStats;
  /** What is wrong; empty when every reader has all. */
  readonly check: readonly string[];
  readonly move: null;
  /** The presence clock that each client ended on. */
  readonly rest: readonly { readonly clientId: number; readonly clock: number }[];
  readonly leave: null;
}

export interface CrowdCall {
  readonly id: number;
  readonly request: CrowdRequest;
}

export type CrowdReply =
  | { readonly id: number; readonly answer: CrowdAnswers[keyof CrowdAnswers] }
  | { readonly id: number; readonly error: string };

/** A cursor as the y-codemirror and y-prosemirror bindings announce it. */
export function cursorState(clientId: number, clock: number): string {
  const position = { type: null, tname: 'text', item: { client: 1, clock }, assoc: 0 };
  return JSON.stringify({
    user: { name: `Anonymous ${clientId}`, color: '#30bced', colorLight: '#30bced33' },
    cursor: { anchor: position, head: position },
  });
}
