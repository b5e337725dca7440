/** One way to a server: what the provider's socket asks of a WebSocket and of an event stream alike. */

export type Transport = 'websocket' | 'events';

export interface Link {
  readonly transport: Transport;
  /** When something was last heard, milliseconds since the epoch; null before. */
  readonly heardMs: number | null;
  send(frame: Uint8Array): void;
  /** Ends it; no event follows. */
  close(): void;
}

export interface LinkEvents {
  /** Frames may be sent from now on. */
  onOpen(): void;
  onFrame(frame: Uint8Array): void;
  /** It is over: a close code of the error table, or 1006 when nobody said why. */
  onClose(code: number, reason: string): void;
}
