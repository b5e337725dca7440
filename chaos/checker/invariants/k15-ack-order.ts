/** K15: acks of a connection never go back, never speak of what was not sent, and never come after its end. */
import type { Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';

export const ackOrder: Invariant = {
  id: 'K15',
  name: 'Acks come in order',
  over: 'acks',
  lacking: 'no ack frames were recorded',
  check(index, findings) {
    const closedAt = new Map(index.of('close').map(({ connection, mono }) => [connection, mono]));
    const isOnce = new Set(
      index
        .of('connect')
        .filter(({ ackOnce }) => ackOnce === true)
        .map(({ connection }) => connection),
    );
    for (const [connection, acks] of groupedBy(index.of('ack'), (ack) => ack.connection)) {
      let last: number | null = null;
      for (const { ackSeq, sentSeq, node, mono } of acks) {
        findings.count('acks');
        const where = { node, mono };
        if (ackSeq > sentSeq) {
          findings.violation(
            `${connection}: ack ${ackSeq}, though only ${sentSeq} were sent`,
            where,
          );
        }
        if (last !== null && ackSeq < last) {
          findings.violation(`${connection}: ack ${ackSeq} after ack ${last}`, where);
        }
        // The first number is the connection's own business: it may have sent before it was recorded.
        if (isOnce.has(connection) && last !== null && ackSeq !== last + 1) {
          findings.violation(
            `${connection}: ack ${ackSeq} after ack ${last}, not exactly once`,
            where,
          );
        }
        if (mono > (closedAt.get(connection) ?? Infinity)) {
          findings.violation(`${connection}: ack ${ackSeq} after the close`, where);
        }
        last = ackSeq;
      }
    }
  },
};
