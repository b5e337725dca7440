/**
 * Many people with the client library as applications use it: each knows what it typed and what was acked, how long it
 * was without a server, and when it came back. All of one test; gone when it ends.
 */
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { SynclineProvider } from '../../client/index.ts';
import { Stopwatch } from './cpu-wait.ts';

export interface CrowdOptions {
  readonly url: string;
  readonly documents: readonly string[];
  /** In each document. */
  readonly people: number;
  /** What has to have a core for the clock to run; see cpu-wait.ts. */
  readonly pids: () => readonly number[];
}

export class Member {
  readonly document: string;
  readonly provider: SynclineProvider;
  /** Acked: what is in here must be found in the end. */
  readonly acked: string[] = [];
  /** On the monotonic clock: when the document had arrived, again and again. */
  readonly arrivals: number[] = [];
  longestAwayMs = 0;
  longestAckMs = 0;
  typed = 0;
  readonly #name: string;
  readonly #pids: () => readonly number[];
  #away: Stopwatch | null = null;
  #hasLeft = false;

  constructor({ url, pids }: Pick<CrowdOptions, 'url' | 'pids'>, document: string, name: string) {
    this.document = document;
    this.#name = name;
    this.#pids = pids;
    this.provider = new SynclineProvider(url, document, new Y.Doc(), {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
      transport: 'websocket',
    });
    this.provider.on('synced', (isSynced) => {
      if (!isSynced) {
        this.#away ??= new Stopwatch(this.#pids());
        return;
      }
      this.arrivals.push(performance.now());
      this.longestAwayMs = Math.max(this.longestAwayMs, this.#away?.tookMs ?? 0);
      this.#away = null;
    });
  }

  get isAway(): boolean {
    return this.#away !== null;
  }

  /** Takes along what it has, and is never seen again. */
  leave(): void {
    this.#hasLeft = true;
    this.provider.destroy();
    this.provider.doc.destroy();
  }

  type(): void {
    if (this.#hasLeft) return;
    this.typed += 1;
    const word = `${this.#name}.${this.typed}`;
    this.provider.doc.getArray('words').push([word]);
    const watch = new Stopwatch(this.#pids());
    this.provider.whenSaved().then(
      () => {
        this.acked.push(word);
        this.longestAckMs = Math.max(this.longestAckMs, watch.tookMs);
      },
      // Gone before it was acked: promised to nobody.
      () => undefined,
    );
  }
}

export class Crowd {
  readonly members: readonly Member[];
  #timer: NodeJS.Timeout | null = null;

  constructor({ url, documents, people, pids }: CrowdOptions) {
    this.members = documents.flatMap((document) =>
      Array.from(
        { length: people },
        (_, index) => new Member({ url, pids }, document, `${document}.${index}`),
      ),
    );
  }

  get isComplete(): boolean {
    return this.members.every(({ provider }) => provider.synced);
  }

  get isSaved(): boolean {
    return this.members.every(({ provider }) => !provider.status.hasUnsavedChanges);
  }

  /** One after another, so that each types once in `everyMs`. */
  startTyping(everyMs: number, members: readonly Member[] = this.members): void {
    let next = 0;
    this.#timer = setInterval(() => {
      members[next % members.length]?.type();
      next += 1;
    }, everyMs / members.length);
  }

  stopTyping(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Takes all that they have along. */
  end(): void {
    this.stopTyping();
    for (const member of this.members) member.leave();
  }

  /** What was acked and is not there: nothing, if all is well. `read` gives a document's words. */
  async lost(read: (document: string) => Promise<ReadonlySet<string>>): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const document of new Set(this.members.map((member) => member.document))) {
      const words = await read(document);
      for (const member of this.members) {
        if (member.document !== document) continue;
        lost.push(...member.acked.filter((word) => !words.has(word)));
      }
    }
    return lost;
  }
}

export function wordsOf(doc: Y.Doc): ReadonlySet<string> {
  return new Set(doc.getArray<string>('words').toArray());
}

/** The most that fell into any span of this length. */
export function busiest(timesMs: readonly number[], spanMs: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  return sorted.reduce((most, startMs, at) => {
    const end = sorted.findLastIndex((timeMs) => timeMs < startMs + spanMs);
    return Math.max(most, end - at + 1);
  }, 0);
}
