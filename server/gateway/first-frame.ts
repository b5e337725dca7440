/**
 * A socket on a path that two families share, until its first frame says whose it is: a y-websocket client opens with its
 * SyncStep1, whose first byte is 0, a Hocuspocus provider with the length of an address, which is never 0.
 *
 * Whether the client may into the document that the path names is known by now; if not, it is told only here, because a
 * provider asks for its documents inside the socket, and the path says nothing of them.
 */
import type { ErrorCode } from '../protocol/errors.ts';
import type { Wire } from '../rooms/outlet.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';
import { isProviderFrame } from './dialects/hocuspocus.ts';
import type { Party, Refused } from './dialects/dialect.ts';

/** Row W14 of what bad clients do: who was not let in has this long to say a word, and no traffic extends it. */
const FIRST_WORD_MS = 5_000;

export interface Choice {
  /** For the client of the document in the path; or why it may not in. */
  readonly yWebsocket: () => Party | ErrorCode;
  readonly hocuspocus: () => Party;
  readonly handTo: (party: Party) => void;
  readonly close: (code: ErrorCode) => void;
}

export class FirstFrame implements Party {
  readonly wire: Wire;
  readonly #choice: Choice;
  readonly #timers: Timers;
  #timer: TimerHandle | null = null;
  readonly #onGone: () => void;

  /** `refusal`: why the client was not let in with the upgrade; null: it was. `onGone`: it is decided, or closed. */
  constructor(
    choice: Choice,
    wire: Wire,
    refusal: ErrorCode | null,
    timers: Timers,
    onGone: () => void,
  ) {
    this.#choice = choice;
    this.wire = wire;
    this.#timers = timers;
    this.#onGone = onGone;
    if (refusal === null) return;
    this.#timer = timers.setTimeout(() => {
      choice.close(refusal);
    }, FIRST_WORD_MS);
  }

  onFrame(frame: Uint8Array): Refused | null {
    this.#end();
    const { yWebsocket, hocuspocus, handTo } = this.#choice;
    const party = isProviderFrame(frame) ? hocuspocus() : yWebsocket();
    if (typeof party === 'string') return { ok: false, code: party, detail: '' };
    handTo(party);
    return party.onFrame(frame);
  }

  onClose(): void {
    this.#end();
  }

  #end(): void {
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.#onGone();
  }
}
