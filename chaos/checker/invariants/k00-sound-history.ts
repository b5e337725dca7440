/** K0: can the history be trusted? The ways in which a harness fools itself; when one of them shows, the run is void. */
import { groupedBy } from '../grouped.ts';
import type { Invariant } from '../findings.ts';
import { isOperation } from '../history-index.ts';

export const soundHistory: Invariant = {
  id: 'K0',
  name: 'The history can be trusted',
  over: 'operations',
  lacking: 'no operation was recorded',
  check(index, findings) {
    findings.count('operations', index.operations.size);

    // A client id in two hands forks a document for real, and nobody's software is to blame.
    const authors = groupedBy(
      index.operations.values(),
      ({ doc, client }) => `${client} in ${doc}`,
    );
    for (const [client, operations] of authors) {
      const procs = new Set(operations.map(({ proc }) => proc));
      if (procs.size > 1) {
        findings.violation(`client id ${client} was used by ${[...procs].join(' and ')}`, {
          mono: operations[0]?.invokedMono ?? 0,
        });
      }
    }

    const invoked = new Set<string>();
    for (const event of index.events) {
      if (!isOperation(event)) continue;
      if (event.type === 'invoke') {
        if (invoked.has(event.op)) {
          findings.violation(`operation ${event.op} was invoked twice`, {
            op: event.op,
            mono: event.mono,
          });
        }
        invoked.add(event.op);
      } else if (!invoked.has(event.op)) {
        findings.violation(`operation ${event.op} ended before it began`, {
          op: event.op,
          mono: event.mono,
        });
      }
    }

    for (const [id, { adds }] of index.elements) {
      const procs = new Set(adds.map(({ proc }) => proc));
      const docs = new Set(adds.map(({ doc }) => doc));
      if (procs.size > 1 || docs.size > 1) {
        findings.violation(`element ${id} was made in more than one place`, {
          mono: adds[0]?.invokedMono ?? 0,
        });
      }
    }

    for (const { id, name, target, isProved, fromMono } of index.faults) {
      findings.count('faults');
      if (!isProved) {
        findings.violation(`fault ${id} (${name} on ${target}) was never proved: the run is void`, {
          mono: fromMono,
        });
      }
    }

    // Live writers would bring back what was lost.
    const destroyed = index.marks('writers-destroyed').at(-1);
    for (const { phase, doc, node, invokedMono } of index.reads) {
      if (phase === 'final' && (destroyed === undefined || invokedMono < destroyed)) {
        findings.violation('a final read while writers were alive', {
          doc,
          node,
          mono: invokedMono,
        });
      }
    }
  },
};
