/** Parameters of the query. What stands twice, or is not what the API describes, is `invalid-request`. */
import type { Request } from 'express';
import { ProtocolError } from '../protocol/errors.ts';
import { levelOf, type DurabilityLevel, type DurabilityOffer } from '../rooms/replication.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

/** Entries of a page. */
export function limitOf(request: Request): number {
  const text = textOf(request, 'limit');
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIMIT_MAX) {
    throw new ProtocolError('invalid-request', `\`limit\` is a number from 1 to ${LIMIT_MAX}.`);
  }
  return limit;
}

/** A parameter that stands once, or not at all. */
export function textOf(
  request: Request,
  name: string,
  lengthMax: number = 2048,
): string | undefined {
  const value: unknown = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > lengthMax) {
    throw new ProtocolError('invalid-request', `\`${name}\` is not what the API describes.`);
  }
  return value;
}

/** What must hold of a write when it is answered. */
export function durabilityOf(request: Request, offer: DurabilityOffer): DurabilityLevel {
  const level = levelOf(textOf(request, 'durability') ?? null, offer);
  if (level !== null) return level;
  throw new ProtocolError(
    'invalid-request',
    '`durability` is `local`, or `replicated` on a node that knows others.',
  );
}

/** The name of a root, which may be empty, but must be said. */
export function rootNameOf(request: Request): string {
  const name = textOf(request, 'name', ROOT_NAME_LENGTH_MAX);
  if (name === undefined) throw new ProtocolError('invalid-request', '`name` says which root.');
  return name;
}

const ROOT_NAME_LENGTH_MAX = 1024;
