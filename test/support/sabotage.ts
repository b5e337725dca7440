/** Deliberately broken variants of a node: the durability tests must catch every one of them. */
export interface Sabotage {
  /** Resolve appends before their batch is on disk. */
  readonly ackBeforeBatch?: true;
  /** After a failed write go on with the same LevelDB handle, as most programs do. */
  readonly skipReopen?: true;
  /** Ack an update that brings nothing new at once, although its first copy may not be on disk yet. */
  readonly ackRedundantAtOnce?: true;
  /** Move the webhooks' cursor when events are read, not when they are delivered. */
  readonly cursorFirst?: true;
  /** Not broken: the disk is stuck while this file exists. */
  readonly stuckWhile?: string;
}
