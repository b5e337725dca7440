/** What the driver tells a crew of editors (a process), and what it answers. */
import type { AckLevel, Layers } from '../history/events.ts';

/** How an editor talks to its node. */
export type LineKind = 'frames' | 'library';

export interface EditorPlan {
  /** Unique in a run. */
  readonly session: string;
  readonly doc: string;
  /** Of the node where it begins. */
  readonly node: string;
  readonly line: LineKind;
  readonly level: AckLevel;
  /** A reader only listens, and never leaves its node. */
  readonly writes: boolean;
  readonly opsPerSecond: number;
  /** Types a recorded session besides. */
  readonly types: boolean;
  /** Goes offline, comes back, moves to other nodes and regions. */
  readonly roams: boolean;
  /** Its own; else that of its place. */
  readonly token?: string | null;
}

export interface Place {
  readonly node: string;
  readonly url: string;
  /** Where there is access control. */
  readonly token?: string | null;
}

export interface CrewPlan {
  readonly proc: string;
  readonly seed: number;
  readonly historyPath: string;
  readonly places: readonly Place[];
  readonly editors: readonly EditorPlan[];
}

export type Order =
  | { readonly do: 'open'; readonly plan: CrewPlan }
  /** Starts typing. */
  | { readonly do: 'type' }
  /** No more edits; who is away comes back; nobody moves any more. */
  | { readonly do: 'rest' }
  /** From here on no editor reconnects by itself. */
  | { readonly do: 'pin' }
  /** One more edit of each writer (or a deletion of one element, where `dels`). */
  | { readonly do: 'edit-once'; readonly dels: boolean }
  | { readonly do: 'edit-many'; readonly session: string; readonly count: number }
  | { readonly do: 'offline'; readonly sessions: readonly string[] | null }
  | { readonly do: 'online'; readonly sessions: readonly string[] | null }
  | { readonly do: 'move'; readonly session: string; readonly node: string }
  /** What it connects with from the next time on. */
  | { readonly do: 'token'; readonly session: string; readonly token: string }
  /** Those who are on this node: gone for good. */
  | { readonly do: 'forget'; readonly node: string }
  /** They are gone for good. */
  | { readonly do: 'dismiss'; readonly sessions: readonly string[] }
  /** Cut every socket, in the middle of whatever it does. */
  | { readonly do: 'cut' }
  | { readonly do: 'look'; readonly deeply: boolean }
  /** Records what every copy shows. */
  | { readonly do: 'record'; readonly phase: 'running' | 'settled' }
  /** Writes the history out and ends. */
  | { readonly do: 'end' };

export interface Look {
  readonly session: string;
  readonly doc: string;
  readonly node: string;
  readonly isSynced: boolean;
  readonly isReader: boolean;
  /** Waits for an answer of another node. */
  readonly isReading: boolean;
  /** Whom it sees, itself among them. */
  readonly users: readonly string[];
  /** Edits that it has made. */
  readonly ops: number;
  readonly unacked: number;
  readonly elements: number;
  /** State vector and deletions, hashed: equal when nothing is missing. */
  readonly digest: string;
  readonly layers: Layers | null;
}

export interface Report {
  readonly looks: readonly Look[];
  readonly ops: number;
  readonly acked: number;
  /** Of acks since the last report, milliseconds. */
  readonly ackMs: readonly number[];
  readonly reconnects: number;
}

export type Answer = { readonly id: number } & (
  { readonly ok: true; readonly report: Report } | { readonly ok: false; readonly error: string }
);

export type NumberedOrder = Order & { readonly id: number };
