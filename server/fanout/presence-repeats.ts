/**
 * Who has come to this node or gone from it lately, document by document. Of a message that was lost without any link going
 * down nobody knows, and tables are repeated every 10 s only: so somebody who has come would show late, and the last one
 * who goes, whom no table names any more, as a ghost for half a minute. What has changed is said again every 2 s for a
 * while; what only moves is not, since the next movement repairs it. [I9]
 *
 * Bounded: each change is forgotten after 12 s, and beyond a number of them the oldest of a document at once; who comes and
 * goes in such a crowd is left to the table. Members are those of open rooms. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry } from '../rooms/relay.ts';
import type { Timers } from '../rooms/timers.ts';

const RECENT_MS = 12_000;
const REPEAT_MS = 2_000;
/** Of one document. */
const CHANGES_MAX = 256;

interface Change {
  readonly atMs: number;
  /** Null: the client has come. */
  readonly goodbye: PresenceEntry | null;
}

interface Recent {
  saidMs: number;
  /** By client, the oldest first. */
  readonly changes: Map<number, Change>;
}

export interface Repeat {
  readonly document: DocumentName;
  readonly come: ReadonlySet<number>;
  readonly goodbyes: readonly PresenceEntry[];
}

export class PresenceRepeats {
  readonly #timers: Timers;
  /** Clients of this node, as far as they were told of. */
  readonly #members = new Map<DocumentName, Set<number>>();
  readonly #recent = new Map<DocumentName, Recent>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Changes that are still said. */
  get count(): number {
    let count = 0;
    for (const { changes } of this.#recent.values()) count += changes.size;
    return count;
  }

  /** This has just been said of a document's clients. */
  note(document: DocumentName, entries: readonly PresenceEntry[]): void {
    const members = this.#members.get(document) ?? new Set();
    for (const entry of entries) {
      const { clientId, json } = entry;
      const isMember = members.has(clientId);
      if (json === null) {
        members.delete(clientId);
        this.#changed(document, clientId, entry);
      } else if (!isMember) {
        members.add(clientId);
        this.#changed(document, clientId, null);
      }
    }
    if (members.size > 0) this.#members.set(document, members);
    else this.#members.delete(document);
  }

  /** The room is closed: nobody is in it. */
  closed(document: DocumentName): void {
    this.#members.delete(document);
  }

  /** What is to be said again now. */
  *due(): Generator<Repeat> {
    const nowMs = this.#timers.now();
    for (const [document, recent] of this.#recent) {
      const { changes } = recent;
      for (const [clientId, { atMs }] of changes) {
        if (nowMs - atMs < RECENT_MS) break;
        changes.delete(clientId);
      }
      if (changes.size === 0) this.#recent.delete(document);
      else if (nowMs - recent.saidMs >= REPEAT_MS) {
        recent.saidMs = nowMs;
        yield repeatOf(document, changes);
      }
    }
  }

  #changed(document: DocumentName, clientId: number, goodbye: PresenceEntry | null): void {
    const atMs = this.#timers.now();
    const recent: Recent = this.#recent.get(document) ?? { saidMs: atMs, changes: new Map() };
    this.#recent.set(document, recent);
    const { changes } = recent;
    changes.delete(clientId);
    changes.set(clientId, { atMs, goodbye });
    const oldest = changes.keys().next().value;
    if (changes.size > CHANGES_MAX && oldest !== undefined) changes.delete(oldest);
  }
}

function repeatOf(document: DocumentName, changes: ReadonlyMap<number, Change>): Repeat {
  const come = new Set<number>();
  const goodbyes: PresenceEntry[] = [];
  for (const [clientId, { goodbye }] of changes) {
    if (goodbye === null) come.add(clientId);
    else goodbyes.push(goodbye);
  }
  return { document, come, goodbyes };
}
