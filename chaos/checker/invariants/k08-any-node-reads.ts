/** K8: a read on any node that names what its session has seen shows all that was acked to it, or says `replica-behind`. */
import type { Counts } from '../expected-elements.ts';
import type { Invariant } from '../findings.ts';
import { judgeRead } from '../judged-read.ts';

export const anyNodeReads: Invariant = {
  id: 'K8',
  name: 'Acked, then read on any node',
  over: 'reads',
  lacking: 'no read carried a minimum version',
  check(index, findings) {
    for (const read of index.reads) {
      const { doc, node, session, content, invokedMono, mono } = read;
      if (read.hasMinVersion !== true || session === undefined) continue;
      if (read.type === 'fail') {
        // Not a promise that was broken, but no answer either; other failures are other checks' business.
        findings.count(read.code === 'replica-behind' ? 'behind' : 'otherFailures');
        continue;
      }
      if (content === undefined) continue;
      findings.count('reads');
      const operations = index.operationsOf.get(doc) ?? [];
      const counts: Counts = (ack, operation) =>
        operation.session === session && ack.mono < invokedMono && !index.isExcused(ack, mono);
      judgeRead(index, findings, {
        read,
        content,
        operations,
        counts,
        tellMissing: ({ element, ack }) =>
          `${session} read ${node} with its version and got a state without ${element}, acked by ${ack.node}`,
        tellLingering: ({ element, ack }) =>
          `${session} read ${node} with its version and got ${element} back, whose deletion ${ack.node} had acked`,
      });
    }
  },
};
