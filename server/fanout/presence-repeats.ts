/**
 * Who has come to this node or gone from it lately, document by document. Of a message that was lost without any link going
 * down nobody knows, and tables are repeated every 10 s only: so somebody who has come would show late, and the last one
 * who goes, whom no table names any more, as a ghost for half a minute. What has changed is said again every 2 s for a
 * while; what only moves is not, since the next movement repairs it. [I9]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry } from '../rooms/relay.ts';
import type { Timers } from '../rooms/timers.ts';

const RECENT_MS = 12_000;
const REPEAT_MS = 2_000;

interface Changes {
  changedMs: number;
  saidMs: number;
  readonly come: Set<number>;
  readonly gone: Map<number, PresenceEntry>;
}

export interface Repeat {
  readonly document: DocumentName;
  readonly come: ReadonlySet<number>;
  readonly gone: readonly PresenceEntry[];
}

export class PresenceRepeats {
  readonly #timers: Timers;
  /** Clients of this node, as far as they were told of. */
  readonly #members = new Map<DocumentName, Set<number>>();
  readonly #recent = new Map<DocumentName, Changes>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** This has just been said of a document's clients. */
  note(document: DocumentName, entries: readonly PresenceEntry[]): void {
    const members = this.#members.get(document) ?? new Set();
    for (const entry of entries) {
      const { clientId, json } = entry;
      if (json === null) {
        members.delete(clientId);
        const { come, gone } = this.#changed(document);
        come.delete(clientId);
        gone.set(clientId, entry);
      } else if (!members.has(clientId)) {
        members.add(clientId);
        const { come, gone } = this.#changed(document);
        come.add(clientId);
        gone.delete(clientId);
      }
    }
    if (members.size > 0) this.#members.set(document, members);
    else this.#members.delete(document);
  }

  /** What is to be said again now. */
  *due(): Generator<Repeat> {
    const nowMs = this.#timers.now();
    for (const [document, changes] of this.#recent) {
      if (nowMs - changes.changedMs >= RECENT_MS) this.#recent.delete(document);
      else if (nowMs - changes.saidMs >= REPEAT_MS) {
        changes.saidMs = nowMs;
        yield { document, come: changes.come, gone: [...changes.gone.values()] };
      }
    }
  }

  #changed(document: DocumentName): Changes {
    const nowMs = this.#timers.now();
    const known = this.#recent.get(document);
    if (known !== undefined) {
      known.changedMs = nowMs;
      return known;
    }
    const changes: Changes = {
      changedMs: nowMs,
      saidMs: nowMs,
      come: new Set(),
      gone: new Map(),
    };
    this.#recent.set(document, changes);
    return changes;
  }
}
