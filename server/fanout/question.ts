/** What anti-entropy wants of other nodes, what it has asked for, and what an answer covers. */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Room } from '../rooms/room.ts';
import type { TimerHandle } from '../rooms/timers.ts';
import type { Epoch } from './envelope.ts';
import type { Trigger } from './part.ts';
import type { Assembly } from './pieces.ts';

/** All that the origin had published of a document up to there. */
export interface Covered {
  readonly origin: string;
  readonly epoch: Epoch;
  readonly upToSeq: number;
}

export interface Want {
  from: string;
  readonly trigger: Trigger;
  dueMs: number;
  timer: TimerHandle | null;
}

export interface Question {
  readonly document: DocumentName;
  readonly to: string;
  readonly nonce: number;
  readonly room: Room;
  readonly release: () => void;
  readonly assembly: Assembly;
  readonly onEnd: () => void;
  timer: TimerHandle | null;
  /** Updates that are being looked at. */
  underway: number;
  /** Nothing came for so long that it may be put again. */
  isLate: boolean;
  isWhole: boolean;
  hasFailed: boolean;
  isUseful: boolean;
  storeSeq: number;
}
