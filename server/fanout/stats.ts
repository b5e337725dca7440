/** Counters of the fan-out: plain numbers, read by the metrics when somebody asks. */
import type { Trigger } from './part.ts';

export type FanoutDrop =
  /** The inbox of a document, or all of them together, is full; or the disk takes no more. */
  | 'inbox-full'
  /** The room could not be opened, or closed while the update was looked at. */
  | 'not-taken'
  /** Builds on something that is not here; the answer to a question brings both. */
  | 'early'
  /** This node's own check does not let it through. */
  | 'refused'
  /** A question too soon after the last one, or too many at a time. */
  | 'flood'
  /** A piece of an answer that nobody waits for any more. */
  | 'unasked';

export class FanoutStats {
  readonly rounds: Record<Trigger, number> = {
    gap: 0,
    verdict: 0,
    heartbeat: 0,
    open: 0,
    sweep: 0,
    dropped: 0,
    awaited: 0,
  };
  readonly dropped: Record<FanoutDrop, number> = {
    'inbox-full': 0,
    'not-taken': 0,
    early: 0,
    refused: 0,
    flood: 0,
    unasked: 0,
  };
  /** Rounds that brought something, brought nothing, or ended without an answer. */
  roundsUseful = 0;
  roundsIdle = 0;
  roundsFailed = 0;
  answers = 0;
  answeredBytes = 0;
  heartbeats = 0;
  sent = 0;
  taken = 0;
}
