/**
 * How a request comes by its room: opened in time or not at all, held while it works, and asked for again when it
 * is reset meanwhile. What goes wrong on the way is told as a row of the error table.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { RoomContext } from './context.ts';
import { withDeadline } from './deadline.ts';
import { answered } from './failure.ts';
import type { Registry } from './registry.ts';
import type { Room } from './room.ts';

/** A room may be reset under a request, and is then asked again. */
const ATTEMPTS_MAX = 3;

export class Borrower {
  readonly #registry: Pick<Registry, 'borrow'>;
  readonly #context: RoomContext;
  readonly #timeoutMs: number;

  /** `timeoutMs`: the longest that anything waits for the disk. */
  constructor(registry: Pick<Registry, 'borrow'>, context: RoomContext, timeoutMs: number) {
    this.#registry = registry;
    this.#context = context;
    this.#timeoutMs = timeoutMs;
  }

  /** Does something with a room that stays open meanwhile; its document must exist. */
  async withDocument<T>(name: DocumentName, work: (room: Room) => Promise<T>): Promise<T> {
    return await this.withRoom(name, async (room) => {
      if (!room.exists) throw this.notFound(name);
      return await work(room);
    });
  }

  /** As `withDocument`, whether it exists or not. */
  async withRoom<T>(name: DocumentName, work: (room: Room) => Promise<T>): Promise<T> {
    return await answered(this.#withRoom(name, work));
  }

  /** A node that has just started does not know yet what others have. */
  notFound(name: DocumentName): ProtocolError {
    const isBehind = this.#context.isBehind?.(name) === true;
    return new ProtocolError(isBehind ? 'replica-behind' : 'document-not-found');
  }

  /** `late`: what becomes of a result that nobody waits for any more. */
  async inTime<T>(work: Promise<T>, late?: (result: T) => void): Promise<T> {
    return await withDeadline(work, this.#context.timers, this.#timeoutMs, isLate, late);
  }

  async #withRoom<T>(name: DocumentName, work: (room: Room) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const borrowing = this.#registry.borrow(name);
      const { room, release } = await this.inTime(borrowing, ({ release: giveBack }) => {
        giveBack();
      });
      try {
        return await work(room);
      } catch (error) {
        const isReset = error instanceof ProtocolError && error.code === 'document-reset';
        if (!isReset || attempt >= ATTEMPTS_MAX) throw error;
      } finally {
        release();
      }
    }
  }
}

function isLate(): ProtocolError {
  return new ProtocolError(
    'store-unavailable',
    'The disk has not answered in time: if this was a write its outcome is unknown, and repeating it is safe.',
  );
}
