/**
 * Y-Sweet (client 0.9, provider.ts): y-protocols and `66 varBytes(payload)`, SyncStatus 102, whose payload comes back
 * when everything before it is durable. While the disk is slow the last durable payload is repeated: the client takes
 * the highest, and gives up 3 s after a 102 that nothing followed.
 *
 * It ignores close codes and comes back whatever they say, so a read-only client that writes is not closed: what it wrote
 * is dropped, and it is not told "saved" any more. Y-Sweet's own server acks what it refused; YSWEET_ACK_REJECTED=1 does
 * so too, for those who depend on it.
 */
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Dialect } from './dialect.ts';
import { baseWire, decode } from './y-protocols.ts';

export function ySweet(acksRejected: boolean): Dialect {
  return {
    name: 'y-sweet',
    wire: baseWire,
    decode,
    refuse: (code: ErrorCode) => {
      if (code !== 'read-only') return 'close';
      return acksRejected ? 'told' : 'unsaved';
    },
  };
}
