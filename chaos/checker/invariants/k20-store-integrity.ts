/** K20: the stores themselves are whole: no holes, good checksums, and what they replay to is what was served. */
import type { Invariant } from '../findings.ts';

export const storeIntegrity: Invariant = {
  id: 'K20',
  name: 'Stores are whole',
  over: 'documents',
  lacking: 'no store was verified',
  check(index, findings) {
    for (const event of index.of('verify')) {
      findings.count('documents');
      const { node, doc, isContiguous, hasGoodChecksums, diskCanon, servedCanon, reason } = event;
      const where = { doc, node, mono: event.mono };
      const why = reason === undefined ? '' : `: ${reason}`;
      if (!isContiguous) findings.violation(`numbers are missing in the log${why}`, where);
      if (!hasGoodChecksums) findings.violation(`a checksum is wrong${why}`, where);
      if (diskCanon === undefined || servedCanon === undefined) continue;
      findings.count('replayed');
      if (diskCanon !== servedCanon) {
        findings.violation(
          `the disk replays to ${diskCanon}, and ${servedCanon} was served`,
          where,
        );
      }
    }
  },
};
