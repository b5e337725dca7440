/**
 * One read, and the acks that oblige it: it shows what they were for, and nothing whose deletion they were for. Whose acks
 * count, and how a broken promise is told, is the invariant's business.
 */
import { lingeringIn, missingFrom, type Counts, type Missing } from './expected-elements.ts';
import type { Findings } from './findings.ts';
import type { HistoryIndex, Operation, Read } from './history-index.ts';
import type { Evidence } from './verdict.ts';

export interface Judged {
  readonly read: Read;
  readonly content: NonNullable<Read['content']>;
  /** Those whose acks `counts` is asked about. */
  readonly operations: readonly Operation[];
  readonly counts: Counts;
  readonly tellMissing: (missing: Missing) => string;
  readonly tellLingering: (lingering: Missing) => string;
}

export function judgeRead(
  index: HistoryIndex,
  findings: Findings,
  { read, content, operations, counts, tellMissing, tellLingering }: Judged,
): void {
  const { doc, node, mono } = read;
  const where = ({ operation, ack }: Missing): Omit<Evidence, 'text' | 'nearestFault'> => ({
    op: operation.op,
    doc,
    node,
    level: ack.level,
    mono,
  });
  for (const missing of missingFrom(index, operations, content, mono, counts)) {
    findings.violation(tellMissing(missing), where(missing));
  }
  for (const lingering of lingeringIn(index, operations, content, mono, counts)) {
    findings.violation(tellLingering(lingering), where(lingering));
  }
}
