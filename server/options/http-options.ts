/** Requests over HTTP. */
import { GIB, MIB, bytes, count, ms, type Option } from './option.ts';

export interface HttpConfig {
  readonly bodyTimeoutMs: number;
  readonly requestsMax: number;
  readonly stateCacheBytesMax: number;
}

export const HTTP_OPTIONS: readonly Option<keyof HttpConfig>[] = [
  {
    key: 'bodyTimeoutMs',
    env: 'BODY_TIMEOUT',
    kind: ms(100),
    doc: 'A request body of which nothing arrives for this long is given up (408).',
  },
  {
    key: 'requestsMax',
    env: 'REQUESTS_MAX',
    kind: count(1, 1_000_000),
    doc: 'HTTP requests being answered at once, event streams aside; more are answered 503 with Retry-After.',
  },
  {
    key: 'stateCacheBytesMax',
    env: 'STATE_CACHE_BYTES_MAX',
    kind: bytes(MIB, 64 * GIB),
    doc: 'Documents kept compressed for GET …/state, all together.',
  },
];

export function httpDefaults(): HttpConfig {
  return {
    bodyTimeoutMs: 10_000,
    requestsMax: 4096,
    stateCacheBytesMax: 64 * MIB,
  };
}
