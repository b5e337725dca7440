/** A socket that is one document: y-websocket's and Y-Sweet's clients. */
import type { ErrorCode } from '../protocol/errors.ts';
import type { Wire } from '../rooms/outlet.ts';
import type { Connection } from './connection.ts';
import type { Dialect, Party, Refused } from './dialects/dialect.ts';
import type { Member } from './member.ts';

export class SingleDocument implements Party {
  readonly #member: Member<Connection>;
  readonly #dialect: Dialect;

  constructor(member: Member<Connection>, dialect: Dialect) {
    this.#member = member;
    this.#dialect = dialect;
  }

  get wire(): Wire {
    return this.#dialect.wire;
  }

  onFrame(frame: Uint8Array): Refused | null {
    const decoded = this.#dialect.decode(frame);
    if (!decoded.ok) return decoded;
    for (const message of decoded.messages) this.#member.receive(message);
    return null;
  }

  refuse(_update: Uint8Array, code: ErrorCode): 'told' | 'unsaved' | 'close' {
    return this.#dialect.refuse?.(code) ?? 'close';
  }

  onClose(closeCode: number): void {
    this.#member.leave(closeCode);
  }
}
