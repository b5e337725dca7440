/**
 * A document's snapshots: kept states, compared with one another, and brought back as a new update that merges
 * with whatever is edited meanwhile (decision 0013). Snapshots go when their document is deleted.
 *
 * What one document is asked for in one moment takes turns: so its limit is exact, and a restore begins where the
 * one before it has ended.
 */
import type { DocumentStore } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { withDeadline } from './deadline.ts';
import type { Documents, Written } from './documents.ts';
import { answered } from './failure.ts';
import { threadGzip, type Gzip } from './gzip.ts';
import {
  LABEL_LENGTH_MAX,
  SnapshotRecords,
  isSnapshotId,
  type SnapshotInfo,
} from './snapshot-records.ts';
import { SnapshotReplica } from './snapshot-replica.ts';
import type { Timers } from './timers.ts';
import { Turns } from './turns.ts';
import { readStateVector } from './updates/version.ts';
import { Views, type ViewLimits } from './views.ts';
import type { TextChange } from './workers/compare-texts.ts';
import { concatenated, type PackedState } from './workers/whole-document.ts';
import type { WorkerPool } from './workers/worker-pool.ts';

export type { SnapshotInfo } from './snapshot-records.ts';
export type { TextChange } from './workers/compare-texts.ts';

export interface HistoryLimits extends ViewLimits {
  readonly snapshotsMax: number;
  /** Of a document; a snapshot of another node may be as large. */
  readonly documentBytesMax: number;
  /** The longest that a write waits for the disk. */
  readonly writeTimeoutMs: number;
}

export interface HistoryContext {
  readonly documents: Pick<Documents, 'version' | 'state' | 'write'>;
  readonly store: DocumentStore;
  readonly workers: Pick<WorkerPool, 'scan' | 'view'>;
  readonly timers: Timers;
  readonly limits: HistoryLimits;
  /** A random integer of 32 bits. */
  readonly random: () => number;
  readonly gzip?: Gzip;
}

/** `isRedundant`: the document showed the same already, and nothing was written. */
export type Restored = Written;

export interface DiffQuery {
  readonly from: string;
  /** Id of another snapshot, or `now`. */
  readonly to: string;
  /** The root to compare, read as a text. */
  readonly rootName: string;
}

/** A document that was reset since the restore began has forgotten what it builds on: once more, from its new state. */
const RESTORE_ATTEMPTS = 3;

export class History {
  readonly #context: HistoryContext;
  readonly #gzip: Gzip;
  readonly #records: SnapshotRecords;
  readonly #views: Views;
  readonly #turns = new Turns();
  /** The same snapshots, as other nodes see them. */
  readonly replica: SnapshotReplica;

  constructor(context: HistoryContext) {
    this.#context = context;
    this.#gzip = context.gzip ?? threadGzip;
    this.#records = new SnapshotRecords(context.store.records);
    this.#views = new Views(context.workers, context.limits);
    this.replica = new SnapshotReplica({
      records: this.#records,
      turns: this.#turns,
      workers: context.workers,
      gzip: this.#gzip,
      // Two nodes may each have let in what together is over the limit.
      stateBytesMax: 2 * context.limits.documentBytesMax,
    });
  }

  /**
   * Holds everything that was acked before the call. Durable when it resolves.
   * @throws ProtocolError `snapshot-limit`, `invalid-request`; as `Documents.state`
   */
  async create(name: DocumentName, label: string | null, author: string): Promise<SnapshotInfo> {
    if (label !== null && label.length > LABEL_LENGTH_MAX) {
      throw new ProtocolError(
        'invalid-request',
        `A label has at most ${LABEL_LENGTH_MAX} characters.`,
      );
    }
    return await this.#inTurn(name, async () => {
      this.#assertWritable();
      return await this.#views.holding(() => this.#create(name, label, author));
    });
  }

  async #create(name: DocumentName, label: string | null, author: string): Promise<SnapshotInfo> {
    const { digest, bytes, parts } = await this.#context.documents.state(name, null);
    const gzipped = await this.#gzip.pack(concatenated(parts));
    await this.#inTime(this.#records.sweep(name));
    const present = await this.#records.list(name);
    if (present.length >= this.#context.limits.snapshotsMax) {
      throw new ProtocolError('snapshot-limit');
    }
    const createdAtMs = this.#context.timers.wallClock();
    const id = this.#newId(createdAtMs, present.at(-1)?.id ?? null);
    const info: SnapshotInfo = { id, label, createdAtMs, author, digest, bytes };
    await this.#inTime(this.#telling(name, this.#records.write(name, info, gzipped)));
    return info;
  }

  /** Newest first, `after` (exclusive) an id. @throws ProtocolError as `Documents.version` */
  async list(
    name: DocumentName,
    after: string | null,
    limit: number,
  ): Promise<readonly SnapshotInfo[]> {
    await this.#context.documents.version(name);
    return (await answered(this.#records.list(name)))
      .filter(({ id }) => after === null || id < after)
      .toReversed()
      .slice(0, limit);
  }

  /** @throws ProtocolError `snapshot-not-found`; as `Documents.version` */
  async info(name: DocumentName, id: string): Promise<SnapshotInfo> {
    await this.#context.documents.version(name);
    const info = isSnapshotId(id) ? await answered(this.#records.info(name, id)) : null;
    return info ?? notFound();
  }

  /** The state as one update, gzipped as it is stored. @throws ProtocolError `snapshot-not-found` */
  async gzippedState(
    name: DocumentName,
    id: string,
  ): Promise<{ readonly info: SnapshotInfo; readonly gzipped: Uint8Array<ArrayBuffer> }> {
    await this.#context.documents.version(name);
    const found = isSnapshotId(id) ? await answered(this.#records.gzippedState(name, id)) : null;
    return found ?? notFound();
  }

  /** @throws ProtocolError `snapshot-not-found`; as `Documents.version` */
  async delete(name: DocumentName, id: string): Promise<void> {
    await this.#context.documents.version(name);
    if (!isSnapshotId(id)) notFound();
    const wasThere = await this.#inTurn(name, async () => {
      this.#assertWritable();
      return await this.#inTime(this.#telling(name, this.#records.delete(name, id)));
    });
    if (!wasThere) notFound();
  }

  /** A unified diff. @throws ProtocolError `snapshot-not-found`, `wrong-type`, `too-expensive` */
  async unifiedDiff(name: DocumentName, query: DiffQuery): Promise<string> {
    return await this.#views.holding(async () => {
      const [from, to] = await this.#bothOf(name, query);
      const request = { ...namesOf(query), form: 'unified' as const };
      return (await this.#views.compareTexts({ from, to, request })).patch;
    });
  }

  /** The same as a list. @throws ProtocolError `snapshot-not-found`, `wrong-type`, `too-expensive` */
  async changes(name: DocumentName, query: DiffQuery): Promise<readonly TextChange[]> {
    return await this.#views.holding(async () => {
      const [from, to] = await this.#bothOf(name, query);
      const request = { ...namesOf(query), form: 'changes' as const };
      return (await this.#views.compareTexts({ from, to, request })).changes;
    });
  }

  /**
   * Writes an update after which the document shows what the snapshot does, and whatever is edited meanwhile;
   * durable when it resolves.
   * @throws ProtocolError `snapshot-not-found`, `too-expensive`; as `Documents.state` and `Documents.write`
   */
  async restore(name: DocumentName, id: string): Promise<Restored> {
    return await this.#inTurn(name, async () => {
      for (let attempt = 1; ; attempt++) {
        const made = await this.#views.holding(() => this.#restoration(name, id));
        if ('isRedundant' in made) return made;
        try {
          return await this.#context.documents.write(name, made.update);
        } catch (error) {
          const isGap = error instanceof ProtocolError && error.code === 'update-gap';
          if (!isGap || attempt === RESTORE_ATTEMPTS) throw error;
        }
      }
    });
  }

  /** What to write; or how the document is, when it is like the snapshot already. */
  async #restoration(
    name: DocumentName,
    id: string,
  ): Promise<Restored | { readonly update: Uint8Array }> {
    const snapshot = await this.#packed(name, id);
    const { digest, stateVector, parts } = await this.#context.documents.state(name, null);
    const update = await this.#views.restore({
      current: { bytes: concatenated(parts), isGzipped: false },
      snapshot,
      clientId: this.#newClientId(stateVector),
    });
    return update === null ? { digest, stateVector, isRedundant: true } : { update };
  }

  async #bothOf(
    name: DocumentName,
    { from, to }: DiffQuery,
  ): Promise<readonly [PackedState, PackedState]> {
    const before = await this.#packed(name, from);
    if (to !== 'now') return [before, await this.#packed(name, to)];
    const { parts } = await this.#context.documents.state(name, null);
    return [before, { bytes: concatenated(parts), isGzipped: false }];
  }

  async #packed(name: DocumentName, id: string): Promise<PackedState> {
    const { gzipped } = await this.gzippedState(name, id);
    return { bytes: gzipped, isGzipped: true };
  }

  /** Time and chance; behind the last one also when the clock was set back. */
  #newId(nowMs: number, last: string | null): string {
    const lastMs = last === null ? 0 : Number.parseInt(last.slice(0, 12), 16);
    const time = Math.max(nowMs, lastMs + 1)
      .toString(16)
      .padStart(12, '0');
    return `${time}-${this.#context.random().toString(16).padStart(8, '0')}`;
  }

  /** Of the author of a restore. */
  #newClientId(stateVector: Uint8Array): number {
    const known = readStateVector(stateVector, stateVector.byteLength);
    if (known === null) throw new Error('the room has a malformed state vector');
    for (;;) {
      const clientId = this.#context.random();
      if (!known.has(clientId)) return clientId;
    }
  }

  /** A disk that does not take writes now would hold the request for as long as it is full. */
  #assertWritable(): void {
    if (this.#context.store.status === 'open') return;
    throw new ProtocolError('store-unavailable', 'The store takes no writes now; none was made.');
  }

  /** Other nodes learn of it when it is done, whether its caller still waits or not. */
  async #telling<Result>(name: DocumentName, work: Promise<Result>): Promise<Result> {
    const result = await work;
    this.replica.onChanged(name);
    return result;
  }

  async #inTime<Result>(work: Promise<Result>): Promise<Result> {
    const { timers, limits } = this.#context;
    return await withDeadline(work, timers, limits.writeTimeoutMs, isLate);
  }

  async #inTurn<Result>(name: DocumentName, work: () => Promise<Result>): Promise<Result> {
    return await answered(this.#turns.take(name, work));
  }
}

function namesOf({ from, to, rootName }: DiffQuery): {
  readonly rootName: string;
  readonly fromName: string;
  readonly toName: string;
} {
  return { rootName, fromName: from, toName: to };
}

function notFound(): never {
  throw new ProtocolError('snapshot-not-found');
}

function isLate(): ProtocolError {
  return new ProtocolError(
    'store-unavailable',
    'The disk has not answered in time: whether the snapshot was stored or removed will be seen in the list.',
  );
}
