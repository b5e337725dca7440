/** Who may do what. */
import { GIB, DAY_MS, bytes, ms, type Option } from './option.ts';

export interface AccessConfig {
  readonly auth: 'loopback' | 'none' | 'jwt';
  readonly jwtSecret: string | null;
  readonly jwtPublicKey: string | null;
  readonly jwksUrl: string | null;
  readonly jwtAudience: string | null;
  readonly jwtIssuer: string | null;
  readonly tokenLifetimeMaxMs: number;
  readonly clockToleranceMs: number;
  readonly authorizeTimeoutMs: number;
  readonly recheckIntervalMs: number;
  readonly preauthBytes: number;
  readonly ySweetAckRejected: boolean;
  readonly foreignStructs: 'count' | 'refuse';
  readonly allowedOrigins: readonly string[];
}

export const ACCESS_OPTIONS: readonly Option<keyof AccessConfig>[] = [
  {
    key: 'auth',
    env: 'AUTH',
    kind: { type: 'choice', values: ['loopback', 'none', 'jwt'] },
    shown: 'jwt with a key, else loopback',
    doc: '`loopback`: no access control, therefore refuses any other HOST. `none`: no access control on any address, in so many words. `jwt`: tokens, checked with exactly one of JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL.',
  },
  {
    key: 'jwtSecret',
    env: 'JWT_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Secret of at least 32 bytes for HS256 tokens.',
  },
  {
    key: 'jwtPublicKey',
    env: 'JWT_PUBLIC_KEY',
    kind: { type: 'text' },
    shown: 'unset',
    doc: 'RSA (RS256) or P-256 (ES256) public key: PEM text, PEM text with `\\n` for line ends, or the path of a PEM file.',
  },
  {
    key: 'jwksUrl',
    env: 'JWKS_URL',
    kind: { type: 'text' },
    shown: 'unset',
    doc: 'Where the public keys are; fetched again every 10 minutes and for unknown key ids, at most once a minute.',
  },
  {
    key: 'jwtAudience',
    env: 'JWT_AUDIENCE',
    kind: { type: 'text' },
    shown: 'not checked',
    doc: 'The `aud` that tokens must name.',
  },
  {
    key: 'jwtIssuer',
    env: 'JWT_ISSUER',
    kind: { type: 'text' },
    shown: 'not checked',
    doc: 'The `iss` that tokens must have.',
  },
  {
    key: 'tokenLifetimeMaxMs',
    env: 'TOKEN_LIFETIME_MAX_MS',
    kind: ms(1000, 366 * DAY_MS),
    doc: 'Longest time from `iat` to `exp` of a token; revocations are kept as long.',
  },
  {
    key: 'clockToleranceMs',
    env: 'CLOCK_TOLERANCE_MS',
    kind: ms(0, 60_000),
    doc: 'How far clocks may be apart: tokens are accepted this long after `exp`.',
  },
  {
    key: 'authorizeTimeoutMs',
    env: 'AUTHORIZE_TIMEOUT_MS',
    kind: ms(10, 60_000),
    doc: 'How long the authorize hook of an embedding program may take; later means no, try again.',
  },
  {
    key: 'recheckIntervalMs',
    env: 'RECHECK_INTERVAL_MS',
    kind: ms(100),
    doc: 'How often the authorize hook is asked again about an open connection.',
  },
  {
    key: 'preauthBytes',
    env: 'PREAUTH_BYTES',
    kind: bytes(1024, GIB),
    doc: 'Largest frame that is read from a connection that was not let in.',
  },
  {
    key: 'ySweetAckRejected',
    env: 'YSWEET_ACK_REJECTED',
    kind: { type: 'flag' },
    doc: 'Tells Y-Sweet clients with read-only tokens "saved" of what they wrote and nobody kept, as Y-Sweet’s own server does.',
  },
  {
    key: 'foreignStructs',
    env: 'FOREIGN_STRUCTS',
    kind: { type: 'choice', values: ['count', 'refuse'] },
    doc: 'Live edits with a client id that another connected user writes with: `count` them (`updates_foreign_total`), or `refuse` them (4409), which also ends honest clients that pass on what they got peer to peer.',
  },
  {
    key: 'allowedOrigins',
    env: 'ALLOWED_ORIGINS',
    kind: { type: 'list' },
    shown: 'same origin',
    doc: 'Origins (scheme://host:port, comma-separated) whose pages may connect, besides the node’s own.',
  },
];

export function accessDefaults(): AccessConfig {
  return {
    auth: 'loopback',
    jwtSecret: null,
    jwtPublicKey: null,
    jwksUrl: null,
    jwtAudience: null,
    jwtIssuer: null,
    tokenLifetimeMaxMs: DAY_MS,
    clockToleranceMs: 5000,
    authorizeTimeoutMs: 2000,
    recheckIntervalMs: 60_000,
    preauthBytes: 64 * 1024,
    ySweetAckRejected: false,
    foreignStructs: 'count',
    allowedOrigins: [],
  };
}
