/**
 * Request bodies: bytes within a limit and in time, or JSON that a schema describes. What is over a limit, coded or
 * of another type is refused before it is read; at most the limit is ever held. [I6]
 */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { ERRORS, ProtocolError } from '../protocol/errors.ts';
import type { TimerHandle } from '../rooms/timers.ts';
import type { HttpContext } from './context.ts';
import { isValid } from './schema-check.ts';
import { parseStrictJson } from './strict-json.ts';

export const BYTES_MEDIA_TYPE = 'application/octet-stream';
export const JSON_MEDIA_TYPE = 'application/json';

/** JSON bodies say a name or a label. */
const JSON_BYTES_MAX = 64 * 1024;
/** What a slow line must manage on average beyond BODY_TIMEOUT: bytes a millisecond (64 kbit/s). */
const BYTES_PER_MS_MIN = 8;

/** Reads a body of bytes into `bytesOf(response)`. */
export function readsBytes(
  context: HttpContext,
  options: { readonly mediaTypes?: readonly string[]; readonly bytesMax?: number } = {},
): RequestHandler {
  const { mediaTypes = [BYTES_MEDIA_TYPE], bytesMax = context.limits.frameBytesMax } = options;
  return async (request, response, next) => {
    if (hasBody(request)) checkMediaType(request, response, mediaTypes);
    response.locals['bytes'] = await readBody(request, response, bytesMax, context);
    next();
  };
}

/** Reads a JSON body into `jsonOf(response)`; what the schema (of the API description) forbids is `invalid-request`. */
export function readsJson(context: HttpContext, schemaName: string): RequestHandler {
  return async (request, response, next) => {
    checkMediaType(request, response, [JSON_MEDIA_TYPE]);
    const bytes = await readBody(request, response, JSON_BYTES_MAX, context);
    const value = parseStrictJson(bytes);
    if (!isValid(schemaName, value)) throw new ProtocolError('invalid-request');
    response.locals['json'] = value;
    next();
  };
}

/** After `readsBytes`; empty when there was no body. */
export function bytesOf(response: Response): Uint8Array {
  return response.locals['bytes'] as Uint8Array;
}

/** After `readsJson`, whose check makes it a `T`. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the schema is what says `T`
export function jsonOf<T>(response: Response): T {
  return response.locals['json'] as T;
}

export function mediaTypeOf(request: Pick<IncomingMessage, 'headers'>): string | null {
  return request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? null;
}

export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function checkMediaType(request: Request, response: Response, mediaTypes: readonly string[]): void {
  const mediaType = mediaTypeOf(request);
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (coding === 'identity' && mediaType !== null && mediaTypes.includes(mediaType)) return;
  response.set('Accept', mediaTypes.join(', '));
  if (coding !== 'identity') response.set('Accept-Encoding', 'identity');
  throw new ProtocolError('unsupported-media-type');
}

/** All of a body. @throws ProtocolError `body-too-large`, `request-timeout`, `invalid-request` when it is cut off */
async function readBody(
  request: Request,
  response: Response,
  bytesMax: number,
  context: HttpContext,
): Promise<Uint8Array> {
  const { timers, limits } = context;
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  // Only now: who may not write, or sends too much, is told before the body is on its way.
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  const startMs = timers.now();
  const chunks: Buffer[] = [];
  let length = 0;
  let progressMs = startMs;
  let timer: TimerHandle | null = null;
  return await new Promise<Uint8Array>((resolve, reject) => {
    const settle = (): void => {
      if (timer !== null) timers.clearTimeout(timer);
      timer = null;
      request.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut);
    };
    const fail = (error: ProtocolError): void => {
      settle();
      request.pause();
      chunks.length = 0;
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.byteLength;
      progressMs = timers.now();
      if (length > bytesMax) fail(tooLarge(bytesMax));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      settle();
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length));
    };
    const onCut = (): void => {
      fail(new ProtocolError('invalid-request', 'The body ended before its length.'));
    };
    const watch = (): void => {
      const nowMs = timers.now();
      const dueMs = Math.min(
        progressMs + limits.bodyTimeoutMs,
        startMs + limits.bodyTimeoutMs + length / BYTES_PER_MS_MIN,
      );
      if (nowMs >= dueMs) fail(new ProtocolError('request-timeout'));
      else timer = timers.setTimeout(watch, Math.ceil(dueMs - nowMs));
    };
    request.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
    watch();
  });
}

function tooLarge(bytesMax: number): ProtocolError {
  return new ProtocolError('body-too-large', ERRORS['body-too-large'].meaning, { limit: bytesMax });
}
