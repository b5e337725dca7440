/** State vectors, and delete sets beside them, in URLs, headers and JSON: base64url without padding, bounded. */
import type { RequestHandler, Response } from 'express';
import { ProtocolError } from '../protocol/errors.ts';
import { readDeleteSet } from '../rooms/updates/delete-set.ts';
import { readStateVector, type Version } from '../rooms/updates/version.ts';
import { documentOf, type HttpContext } from './context.ts';

/** One entry a client that ever wrote; 64 KiB hold about 10,000 of them. The same as on sockets. */
export const STATE_VECTOR_BYTES_MAX: number = 64 * 1024;
const HEADER_BYTES_MAX = 3 * 1024;
const JSON_BYTES_MAX = 12 * 1024;
/** A node that lags behind its region has usually caught up by then. */
const BEHIND_MS = 2000;

const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** @throws ProtocolError `invalid-state-vector` */
export function checkStateVector(bytes: Uint8Array): Uint8Array {
  if (readStateVector(bytes, STATE_VECTOR_BYTES_MAX) === null) {
    throw new ProtocolError('invalid-state-vector');
  }
  return bytes;
}

/** Of a parameter or header. @throws ProtocolError `invalid-state-vector` */
export function parseStateVector(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !BASE64URL.test(value)) {
    throw new ProtocolError('invalid-state-vector');
  }
  return checkStateVector(Buffer.from(value, 'base64url'));
}

export function encodeStateVector(stateVector: Uint8Array): string {
  return Buffer.from(stateVector).toString('base64url');
}

/** Null when it is too long to be repeated in every answer. */
export function shortStateVector(stateVector: Uint8Array): string | null {
  return stateVector.byteLength > JSON_BYTES_MAX ? null : encodeStateVector(stateVector);
}

/** A header that is too long is left out: proxies refuse whole answers for it. */
export function setStateVector(response: Response, stateVector: Uint8Array): void {
  if (stateVector.byteLength <= HEADER_BYTES_MAX) {
    response.set('X-State-Vector', encodeStateVector(stateVector));
  }
}

/** As `setStateVector`: what is deleted, which state vectors do not tell. Null: nothing, or not known. */
export function setDeletes(response: Response, deletes: Uint8Array | null): void {
  // A single byte says that there are none.
  if (deletes !== null && deletes.byteLength > 1 && deletes.byteLength <= HEADER_BYTES_MAX) {
    response.set('X-Delete-Digest', Buffer.from(deletes).toString('base64url'));
  }
}

/** @throws ProtocolError `invalid-request` */
function parseDeletes(value: string): Version {
  const deletes = BASE64URL.test(value) ? readDeleteSet(Buffer.from(value, 'base64url')) : null;
  if (deletes === null) {
    throw new ProtocolError('invalid-request', 'X-Min-Delete-Digest is no delete set.');
  }
  return deletes;
}

/** Waits until this node has what the caller has seen elsewhere. */
export function reached(context: HttpContext): RequestHandler {
  return async (request, response, next) => {
    const vector = request.get('X-Min-State-Vector');
    const digest = request.get('X-Min-Delete-Digest');
    if (vector !== undefined || digest !== undefined) {
      const seen = {
        ...(vector === undefined ? {} : { stateVector: parseStateVector(vector) }),
        ...(digest === undefined ? {} : { deletes: parseDeletes(digest) }),
      };
      await context.documents.waitFor(documentOf(response), seen, BEHIND_MS);
    }
    next();
  };
}
