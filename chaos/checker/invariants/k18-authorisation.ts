/** K18: nothing is acked that the session's rights do not cover, at the moment of the ack; who never could write shows nowhere. [I7] */
import { shownIn } from '../expected-elements.ts';
import type { Findings, Invariant } from '../findings.ts';
import { groupedBy } from '../grouped.ts';
import type { EventOf, HistoryIndex } from '../history-index.ts';
import type { Expectations } from '../verdict.ts';

export const authorisation: Invariant = {
  id: 'K18',
  name: 'Only who may write has written',
  over: 'acks',
  lacking: 'no session had a token',
  check(index, findings, expectations) {
    const tokens = groupedBy(index.of('token'), ({ session }) => session);
    for (const { op, session, doc, acks } of index.operations.values()) {
      const lines = tokens.get(session);
      if (lines === undefined) continue;
      for (const { mono, node, level } of acks) {
        findings.count('acks');
        const wrong = wrongAt(lines, doc, mono, expectations);
        if (wrong !== null) {
          findings.violation(`${op} of ${session} was acked ${wrong}`, {
            op,
            doc,
            node,
            level,
            mono,
          });
        }
      }
    }
    lookForTrespass(index, findings, tokens);
  },
};

/** Taken and shown, though never acked. Their own copies have it, of course. */
function lookForTrespass(
  index: HistoryIndex,
  findings: Findings,
  tokens: ReadonlyMap<string, readonly EventOf<'token'>[]>,
): void {
  const readers = new Set(
    [...tokens].flatMap(([session, lines]) =>
      lines.some(({ access }) => access === 'write' || access === 'admin') ? [] : [session],
    ),
  );
  if (readers.size === 0) return;
  for (const { doc, node, content, source, session, mono } of index.reads) {
    if (content === undefined || (source === 'client' && readers.has(session ?? ''))) continue;
    for (const id of shownIn(content)) {
      const author = index.elements.get(id)?.adds[0]?.session;
      if (author !== undefined && readers.has(author)) {
        findings.violation(`${id} shows, and ${author} may not write`, { doc, node, mono });
      }
    }
  }
}

/** Null: there was a right. */
function wrongAt(
  lines: readonly EventOf<'token'>[],
  doc: string,
  mono: number,
  { clockSkewMsMax, revocationMsMax }: Expectations,
): string | null {
  const known = lines.filter((line) => line.mono <= mono);
  const granted = known.findLast(({ type }) => type === 'granted');
  if (granted === undefined) return 'before it had a token';
  if (granted.access !== 'write' && granted.access !== 'admin') {
    return `with the right to ${granted.access ?? 'nothing'}`;
  }
  if (granted.docs?.some((pattern) => isMatch(pattern, doc)) === false) {
    return `in ${doc}, which its token does not name`;
  }
  const expired = mono - (granted.expMono ?? Infinity);
  if (expired > clockSkewMsMax) return `${Math.round(expired)} ms after its token had expired`;
  const revoked = known.find((line) => line.type === 'revoked' && line.mono >= granted.mono);
  const since = mono - (revoked?.mono ?? Infinity);
  return since > revocationMsMax ? `${Math.round(since)} ms after its token was revoked` : null;
}

function isMatch(pattern: string, doc: string): boolean {
  return pattern.endsWith('*') ? doc.startsWith(pattern.slice(0, -1)) : pattern === doc;
}
