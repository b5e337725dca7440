/**
 * What the provider's WebsocketProvider takes for a WebSocket: one connection over whichever transport works, and
 * from one to the other without a close in between.
 *
 * One link is *active*: it takes what is sent. Another may be on its way (*next*): events beside a WebSocket that
 * says nothing, or a WebSocket that a probe found to hold. It takes over with its first SyncStep1: the provider's
 * answer is everything that the server lacks, so what was still under way over the old one is not lost, and what
 * arrives twice is known to Yjs. The old one is heard until the new one has sent everything.
 */
import { encodeAwarenessUpdate, type Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { EventsSocket, type EventsContext } from './events-socket.ts';
import { presenceFrame, syncFrame, syncKindOf } from './frames.ts';
import type { Link, LinkEvents, Transport } from './link.ts';
import type { TransportChoice, TransportTiming } from './transport-choice.ts';
import { WebSocketLink, type WebSocketTarget } from './websocket-link.ts';
import { WebSocketProbe } from './websocket-probe.ts';

/** What the sockets of one provider share. */
export interface FallbackContext extends EventsContext {
  readonly awareness: Awareness;
  readonly choice: TransportChoice;
  readonly timing: TransportTiming;
  /** Null: there is none here, events have to do. */
  readonly webSocketClass: typeof WebSocket | null;
  readonly onTransport: (transport: Transport) => void;
}

interface CloseLike {
  readonly code: number;
  readonly reason: string;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;
/** y-websocket gives up a connection that has been silent for 30 s, and does not say so. */
const DARK_MS = 25_000;

export class FallbackSocket {
  readonly OPEN: number = OPEN;
  readyState: number = CONNECTING;
  binaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: Uint8Array }) => void) | null = null;
  onclose: ((event: CloseLike) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;

  readonly #context: FallbackContext;
  readonly #target: WebSocketTarget | null;
  #active: Link | null = null;
  #next: Link | null = null;
  /** Taken over from, and still heard. */
  #previous: EventsSocket | null = null;
  #probe: WebSocketProbe | null = null;
  #hedgeTimer: ReturnType<typeof setTimeout> | undefined;
  #lastingTimer: ReturnType<typeof setTimeout> | undefined;
  #probeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: FallbackContext, url: string, protocols: readonly string[]) {
    this.#context = context;
    const { webSocketClass, token } = context;
    this.#target = webSocketClass === null ? null : { webSocketClass, url, protocols, token };
    if (this.#target === null || context.choice.next === 'events') this.#startEvents();
    else this.#startWebSocket(this.#target);
  }

  send(frame: Uint8Array): void {
    this.#active?.send(frame);
  }

  close(): void {
    if (this.readyState === CLOSED) return;
    const active = this.#active;
    if (active?.transport === 'websocket' && Date.now() - (active.heardMs ?? 0) > DARK_MS) {
      this.#context.choice.webSocketSilent();
    }
    this.#shut();
  }

  // ── links ────────────────────────────────────────────────────────────────────────────────────────────

  #startWebSocket(target: WebSocketTarget): void {
    const { choice, timing } = this.#context;
    const link: WebSocketLink = new WebSocketLink(
      target,
      this.#eventsOf(() => link),
    );
    this.#active = link;
    if (!choice.mayChange) return;
    this.#hedgeTimer = setTimeout(() => {
      if (this.#active === link && link.heardMs === null) this.#startEvents();
    }, timing.hedgeMs);
  }

  #startEvents(): void {
    if (this.#next !== null || this.readyState === CLOSED) return;
    const link: EventsSocket = new EventsSocket(
      this.#context,
      this.#eventsOf(() => link),
    );
    if (this.#active === null) this.#active = link;
    else this.#next = link;
  }

  #eventsOf(linkOf: () => Link): LinkEvents {
    return {
      onOpen: () => this.#onOpen(linkOf()),
      onFrame: (frame) => this.#onFrame(linkOf(), frame),
      onClose: (code, reason) => this.#onClose(linkOf(), code, reason),
    };
  }

  #onOpen(link: Link): void {
    if (this.readyState === CLOSED) return;
    if (link.transport === 'events') this.#context.choice.eventsOpened();
    if (this.readyState !== CONNECTING) return;
    // The first to open wins; the other one is not needed.
    if (link === this.#next) {
      this.#context.choice.webSocketSilent();
      this.#active?.close();
      this.#active = link;
    } else {
      this.#next?.close();
    }
    this.#next = null;
    this.readyState = OPEN;
    this.#settled();
    this.onopen?.();
  }

  #onFrame(link: Link, frame: Uint8Array): void {
    if (this.readyState === CLOSED) return;
    const kind = syncKindOf(frame);
    if (link === this.#next && kind === 'step1') this.#takeOver(link);
    if (link === this.#active) {
      if (link.transport === 'websocket' && this.#next?.transport === 'events') {
        // It spoke after all.
        this.#next.close();
        this.#next = null;
        this.#context.choice.eventsFailed();
      }
      if (kind === 'step2') this.#dropPrevious();
    }
    this.onmessage?.({ data: frame });
  }

  /** From here on everything is sent over `link`, its answer to SyncStep1 first. */
  #takeOver(link: Link): void {
    const { awareness, choice } = this.#context;
    const previous = this.#active;
    this.#active = link;
    this.#next = null;
    if (link.transport === 'websocket') choice.probeHeld();
    else choice.webSocketSilent();
    if (previous instanceof EventsSocket) this.#previous = previous;
    else previous?.close();
    if (awareness.getLocalState() !== null) {
      link.send(presenceFrame(encodeAwarenessUpdate(awareness, [awareness.clientID])));
    }
    this.#settled();
  }

  #onClose(link: Link, code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    const { choice } = this.#context;
    if (link === this.#previous) {
      this.#previous = null;
      return;
    }
    if (link.transport === 'events') choice.eventsFailed();
    else if (this.#isBroken(link, code)) choice.webSocketFailed();
    if (link === this.#next) {
      this.#next = null;
      if (link.transport === 'websocket') this.#planProbe();
      return;
    }
    if (this.#next !== null && this.readyState === CONNECTING) {
      this.#active = this.#next;
      this.#next = null;
      return;
    }
    if (this.readyState === CONNECTING && link.transport === 'websocket') {
      if (choice.isWebSocketDoubtful) {
        this.#active = null;
        this.#startEvents();
        return;
      }
    }
    this.#shut();
    this.onclose?.({ code, reason });
  }

  /** Nobody said why, and it did not last. */
  #isBroken(link: Link, code: number): boolean {
    const openedMs = link instanceof WebSocketLink ? link.openedMs : null;
    if (openedMs === null) return true;
    return code === 1006 && Date.now() - openedMs < this.#context.timing.youngMs;
  }

  // ── back to WebSockets ───────────────────────────────────────────────────────────────────────────────

  /** The active link has just become so. */
  #settled(): void {
    const { choice, onTransport } = this.#context;
    if (this.#active === null) return;
    onTransport(this.#active.transport);
    if (this.#active.transport === 'events') this.#planProbe();
    else if (choice.mayChange) {
      const link = this.#active;
      clearTimeout(this.#lastingTimer);
      this.#lastingTimer = setTimeout(() => {
        if (this.#active === link && link.heardMs !== null) choice.webSocketLasted();
      }, this.#context.timing.youngMs);
    }
  }

  #planProbe(): void {
    const target = this.#target;
    const { choice } = this.#context;
    clearTimeout(this.#probeTimer);
    if (target === null || !choice.mayChange) return;
    this.#probeTimer = setTimeout(() => {
      this.#probe = new WebSocketProbe(target, choice.proofMs, {
        onHeld: (link) => this.#onProbeHeld(link),
        onFailed: () => {
          this.#probe = null;
          choice.probeFailed();
          this.#planProbe();
        },
      });
    }, choice.probeDelayMs(Math.random()));
  }

  #onProbeHeld(link: WebSocketLink): void {
    this.#probe = null;
    if (this.#next !== null) {
      link.close();
      this.#planProbe();
      return;
    }
    link.events = this.#eventsOf(() => link);
    this.#next = link;
    link.send(syncFrame('step1', Y.encodeStateVector(this.#context.doc)));
  }

  // ── the end ──────────────────────────────────────────────────────────────────────────────────────────

  #dropPrevious(): void {
    this.#previous?.retire();
    this.#previous = null;
  }

  #shut(): void {
    this.readyState = CLOSED;
    for (const timer of [this.#hedgeTimer, this.#lastingTimer, this.#probeTimer]) {
      clearTimeout(timer);
    }
    this.#probe?.stop();
    for (const link of [this.#active, this.#next, this.#previous]) link?.close();
    this.#active = null;
    this.#next = null;
    this.#previous = null;
  }
}
