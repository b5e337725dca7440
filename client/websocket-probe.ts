/**
 * While events have to do: tries whether a WebSocket would hold by now, without joining the document. A SyncStatus
 * before any SyncStep2 is answered with a sign of life every second (the server holds the ack itself back), so that a
 * path that swallows frames, or ends after a moment, is told from one that works.
 */
import { encodeSyncStatus } from './sync-status.ts';
import { WebSocketLink, type WebSocketTarget } from './websocket-link.ts';

export interface ProbeEvents {
  /** It has held; whoever takes the link listens to it from now on. */
  onHeld(link: WebSocketLink): void;
  onFailed(): void;
}

/** The first frame, or the next one, must come within this time: the server's are a second apart. */
const SILENCE_MS = 4_000;

export class WebSocketProbe {
  readonly #link: WebSocketLink;
  readonly #events: ProbeEvents;
  readonly #proofMs: number;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(target: WebSocketTarget, proofMs: number, events: ProbeEvents) {
    this.#events = events;
    this.#proofMs = proofMs;
    this.#expect();
    this.#link = new WebSocketLink(target, {
      onOpen: () => this.#link.send(encodeSyncStatus(0)),
      onFrame: () => this.#onFrame(),
      onClose: () => this.#fail(),
    });
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#silence);
    this.#link.close();
  }

  #onFrame(): void {
    if (this.#isOver) return;
    this.#expect();
    if (Date.now() - (this.#link.openedMs ?? Infinity) < this.#proofMs) return;
    this.#isOver = true;
    clearTimeout(this.#silence);
    this.#events.onHeld(this.#link);
  }

  #expect(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#fail(), SILENCE_MS);
  }

  #fail(): void {
    if (this.#isOver) return;
    this.stop();
    this.#events.onFailed();
  }
}
