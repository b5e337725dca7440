/** A connection's sending side for tests of rooms: keeps what was said, in plain words. */
import type { Frame, Outlet, Wire } from '../../server/rooms/outlet.ts';

type Word = Exclude<keyof Wire, 'keepAlive'>;
type Said = readonly [what: Word, payload: Uint8Array];

export class RecordingOutlet implements Outlet {
  readonly said: Said[] = [];
  readonly wire: Wire;
  bufferedBytes = 0;
  isClosed = false;
  closeCode: string | null = null;
  isReading = true;
  readonly #words = new Map<Frame, Said>();

  constructor() {
    const say =
      (what: Word) =>
      (payload: Uint8Array): Frame => {
        const frame: Frame = [payload];
        this.#words.set(frame, [what, payload]);
        return frame;
      };
    this.wire = {
      syncStep1: say('syncStep1'),
      syncStep2: say('syncStep2'),
      update: say('update'),
      presence: say('presence'),
      ack: say('ack'),
      keepAlive: () => [],
    };
  }

  /** Payloads of one kind, in order. */
  payloads(what: Word): Uint8Array[] {
    return this.said.filter(([kind]) => kind === what).map(([, payload]) => payload);
  }

  send(frame: Frame): void {
    const said = this.#words.get(frame);
    if (said !== undefined) this.said.push(said);
  }

  onDrain(callback: () => void): void {
    setImmediate(callback);
  }

  setReading(isReading: boolean): void {
    this.isReading = isReading;
  }

  close(code: string): void {
    this.isClosed = true;
    this.closeCode = code;
  }
}
