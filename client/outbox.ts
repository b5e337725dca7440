/**
 * What this client writes over HTTP: one POST in flight, and what is typed meanwhile merged into the next. A POST is
 * answered when it is durable, so an ack is due when everything put in before its request has been answered. [I1]
 *
 * A failed POST is sent again until it succeeds or the server refuses it for good: updates are idempotent, and
 * nothing behind it goes out before it.
 */
import { mergeInLevels } from '../server/protocol/merge-updates.ts';
import { Backoff } from './backoff.ts';
import { closeOf, isTransient, refusalOf } from './rest.ts';
import { splitUpdate } from './update-pieces.ts';

export interface OutboxOptions {
  /** Sends one body. Rejects when there is no answer. */
  readonly post: (body: Uint8Array) => Promise<Response>;
  /** Everything that a server with this state vector (base64url) lacks. */
  readonly updateSince: (stateVector: string) => Uint8Array;
  readonly onDurable: (payload: Uint8Array) => void;
  readonly onRefused: (closeCode: number, reason: string) => void;
}

/** Time between the starts of two POSTs: people see no difference, a server with rate limits does. */
const POST_INTERVAL_MS = 60;
/** Bytes and number of updates that are merged into one POST; one that is larger goes alone. */
const MERGED_BYTES_MAX = 1024 * 1024;
const MERGED_UPDATES_MAX = 4096;
const RETRY_MS_MAX = 10_000;
/** Answers in a row that ask for more than was sent, before that is taken for a refusal. */
const GAPS_MAX = 3;
/** A server that takes no more than this takes nothing. */
const PIECE_BYTES_MIN = 1024;
/** The encoding of a state vector without entries, `00`, as base64url. */
const EMPTY_VECTOR = 'AA';

export class Outbox {
  readonly #options: OutboxOptions;
  #updates: Uint8Array[] = [];
  /** How many were put in, and how many of them are durable. */
  #added = 0;
  #durable = 0;
  #requests: { readonly payload: Uint8Array; readonly upTo: number }[] = [];
  #isRunning = false;
  #isStopped = false;
  #isLingering = false;
  #wake: (() => void) | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  add(update: Uint8Array): void {
    if (this.#isStopped || this.#isLingering) return;
    this.#updates.push(update);
    this.#added += 1;
    if (!this.#isRunning) void this.#run();
  }

  /** Asks to be told when everything that was added before is durable. */
  request(payload: Uint8Array): void {
    this.#requests.push({ payload, upTo: this.#added });
    // Never before whoever asks has noted that it did.
    queueMicrotask(() => this.#answer());
  }

  /** Drops what has not been sent. */
  stop(): void {
    this.#isStopped = true;
    this.#updates = [];
    this.#wake?.();
  }

  /** Takes nothing more, and tries once to bring out what is left. */
  linger(): void {
    this.#isLingering = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#updates.length > 0) {
      const startMs = Date.now();
      const updates = this.#take();
      if (!(await this.#deliver(mergeInLevels(updates)))) break;
      this.#durable += updates.length;
      this.#answer();
      await this.#pause(startMs + POST_INTERVAL_MS - Date.now());
    }
    this.#isRunning = false;
  }

  #take(): Uint8Array[] {
    let bytes = 0;
    let count = 0;
    for (const { byteLength } of this.#updates) {
      bytes += byteLength;
      if (count > 0 && (bytes > MERGED_BYTES_MAX || count >= MERGED_UPDATES_MAX)) break;
      count += 1;
    }
    return this.#updates.splice(0, count);
  }

  /** True when all of it is durable; false when it never will be over this transport. */
  async #deliver(update: Uint8Array): Promise<boolean> {
    const backoff = new Backoff(RETRY_MS_MAX, Math.random);
    let body = update;
    for (let gaps = 0; !this.#isStopped;) {
      const answer = await this.#options.post(body).then(
        async (response) => (response.ok ? await drained(response) : await refusalOf(response)),
        () => 'unanswered' as const,
      );
      if (answer === 'durable') return true;
      if (answer === 'unanswered' || isTransient(answer)) {
        if (this.#isLingering) return false;
        const delayMs = backoff.closed(Date.now());
        await this.#pause(answer === 'unanswered' ? delayMs : (answer.retryAfterMs ?? 0) + delayMs);
        continue;
      }
      const { missing, limit } = answer.details;
      // Merged around something that the server has from elsewhere, updates have holes, which are refused.
      const isHoled = answer.code === 'invalid-update' && gaps === 0;
      if ((answer.code === 'update-gap' || isHoled) && gaps < GAPS_MAX) {
        gaps += 1;
        body = this.#options.updateSince(typeof missing === 'string' ? missing : EMPTY_VECTOR);
        continue;
      }
      if (answer.code === 'body-too-large' || (answer.code === null && answer.status === 413)) {
        const bytesMax = Math.min(
          body.byteLength / 2,
          typeof limit === 'number' ? limit / 2 : Infinity,
        );
        const pieces = bytesMax < PIECE_BYTES_MIN ? [] : [...splitUpdate(body, bytesMax)];
        if (pieces.length > 1) return await this.#deliverAll(pieces);
      }
      if (!this.#isStopped) {
        this.#isStopped = true;
        const { closeCode, reason } = closeOf(answer);
        this.#options.onRefused(closeCode, reason);
      }
    }
    return false;
  }

  async #deliverAll(pieces: readonly Uint8Array[]): Promise<boolean> {
    for (const piece of pieces) if (!(await this.#deliver(piece))) return false;
    return true;
  }

  /** The newest request that is covered stands for all before it. */
  #answer(): void {
    const covered = this.#requests.findLast(({ upTo }) => upTo <= this.#durable);
    if (covered === undefined || this.#isStopped) return;
    this.#requests = this.#requests.filter(({ upTo }) => upTo > this.#durable);
    this.#options.onDurable(covered.payload);
  }

  async #pause(delayMs: number): Promise<void> {
    if (delayMs <= 0 || this.#isLingering || this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}

async function drained(response: Response): Promise<'durable'> {
  // Unread, the body would keep the connection from being used again.
  await response.arrayBuffer();
  return 'durable';
}
