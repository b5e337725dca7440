/** Who offers an update to a room: a session, or one request of somebody who is not in the room. */
export interface Author {
  /** True once nobody waits for the answer: what still has to be looked at is dropped. */
  readonly isClosed: boolean;
  /** Without it nothing new is taken; what is known already is no write. */
  readonly canWrite: boolean;
  /** Only the first content of a document is meant: refused if there is any in the moment of taking it. */
  readonly isSeeding?: boolean;
  /** The user, by the token; null or absent: somebody without a name. */
  readonly subject?: string | null;
  /** Connected, and typing now: neither answering what it was asked for, nor one request. */
  readonly isLive?: boolean;
  /** Another node: stored and shown here, and not told to other nodes again. */
  readonly isRemote?: true;
  /** Somebody else tells webhooks of what it writes. */
  readonly isTold?: true;
}

/** Who may write, and needs no name. */
export const ANYBODY: Author = { isClosed: false, canWrite: true };
