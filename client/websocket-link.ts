/** A WebSocket as a link: it asks for a token first, and offers it as a subprotocol, which keeps it out of URLs and logs. */
import type { Link, LinkEvents } from './link.ts';
import type { TokenSource } from './token-source.ts';

/** The subprotocol that the server answers with when a token stands beside it. */
const SUBPROTOCOL = 'syncline';
/** What may stand in a subprotocol (RFC 7230 §3.2.6); all tokens do that a server would take. */
const SUBPROTOCOL_TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** `WebSocket.OPEN`; the class itself may be a polyfill. */
const OPEN = 1;

export interface WebSocketTarget {
  readonly webSocketClass: typeof WebSocket;
  readonly url: string;
  readonly protocols: readonly string[];
  readonly token: TokenSource;
}

export class WebSocketLink implements Link {
  readonly transport = 'websocket';
  heardMs: number | null = null;
  openedMs: number | null = null;
  /** Who listens changes hands when a probe becomes the connection. */
  events: LinkEvents;
  #socket: WebSocket | null = null;
  #isOver = false;

  constructor(target: WebSocketTarget, events: LinkEvents) {
    this.events = events;
    target.token.fresh().then(
      (token) => this.#open(target, token),
      // No token now is no token refused: worth another try.
      () => this.#end(1006, ''),
    );
  }

  send(frame: Uint8Array): void {
    // Its buffer is never a shared one.
    if (this.#socket?.readyState === OPEN) this.#socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#isOver = true;
    this.#socket?.close();
  }

  #open({ webSocketClass, url, protocols }: WebSocketTarget, token: string | null): void {
    if (this.#isOver) return;
    let address = url;
    const offered = [...protocols];
    if (token !== null && SUBPROTOCOL_TOKEN.test(token)) {
      if (offered.length === 0) offered.push(SUBPROTOCOL);
      offered.push(`token.${token}`);
    } else if (token !== null) {
      address += `${url.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
    }
    const socket = new webSocketClass(address, offered);
    // Properties, not listeners: whatever class an application passes has them.
    Object.assign(socket, {
      binaryType: 'arraybuffer',
      onopen: () => {
        this.openedMs = Date.now();
        if (!this.#isOver) this.events.onOpen();
      },
      onmessage: ({ data }: { readonly data: ArrayBuffer }) => {
        this.heardMs = Date.now();
        if (!this.#isOver) this.events.onFrame(new Uint8Array(data));
      },
      // In Node an error without a listener is thrown; the close that follows says the rest.
      onerror: () => {},
      onclose: ({ code, reason }: CloseEvent) => this.#end(code, reason),
    });
    this.#socket = socket;
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.events.onClose(code, reason);
  }
}
