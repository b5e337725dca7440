/** What callers are told when the store or a worker fails: a row of the error table, never what went wrong inside. */
import { StoreError } from '../../persistence/store.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { WorkerError } from './workers/worker-error.ts';

/** The result of `work`, or what its caller is told instead. */
export async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failureOf(error) ?? error;
  }
}

/** Null for what is none of these: a bug. */
export function failureOf(error: unknown): ProtocolError | null {
  if (error instanceof ProtocolError) return error;
  if (error instanceof WorkerError) return new ProtocolError('overloaded');
  if (!(error instanceof StoreError)) return null;
  switch (error.code) {
    case 'document-damaged':
      return new ProtocolError('document-damaged');
    case 'document-deleted':
      return new ProtocolError('document-deleted');
    case 'locked':
    case 'refused':
    case 'write-failed':
    case 'read-failed':
    case 'stale-generation':
    case 'record-damaged':
    case 'closed':
      return new ProtocolError('store-unavailable');
    case 'record-too-large':
      return null;
  }
}
