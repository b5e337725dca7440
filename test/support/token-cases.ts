/**
 * Table J of the bad inputs as data: which token a node is shown and what it must answer, the same for every
 * transport. `test/integration/access/token-cases.test.ts` plays it over sockets, the tests of REST over
 * HTTP: start a node with `config` (on top of nothing else), show it `token()` for the document `DOCUMENT`, and
 * expect `socket` (its close code and reason) or `rest` (its status and problem), or to be let in when null.
 */
import type { Config } from '../../server/options.ts';
import type { ErrorCode } from '../../server/protocol/errors.ts';
import {
  AUDIENCE,
  ISSUER,
  SECRET_NODE,
  claims,
  ecKeys,
  es256,
  hs256,
  nowS,
  rs256,
  rsaKeys,
  token,
  unsigned,
} from './tokens.ts';

export const DOCUMENT = 'team/notes';

export interface TokenCase {
  /** Begins with the id of the row. */
  readonly name: string;
  readonly config: Partial<Config>;
  /** Made when asked for: times count from then. Null: no token at all. */
  readonly token: () => string | null;
  readonly socket: ErrorCode | null;
  readonly rest: ErrorCode | null;
}

const rsa = rsaKeys();
const otherRsa = rsaKeys();
const ec = ecKeys();
const claimsChecked: Partial<Config> = { jwtIssuer: ISSUER, jwtAudience: AUDIENCE };
const RSA_NODE: Partial<Config> = { ...claimsChecked, jwtPublicKey: rsa.publicPem };
const EC_NODE: Partial<Config> = { ...claimsChecked, jwtPublicKey: ec.publicPem };

type Row = readonly [name: string, token: () => string | null, config?: Partial<Config>];

function cases(
  socket: ErrorCode | null,
  rest: ErrorCode | null,
  rows: readonly Row[],
): readonly TokenCase[] {
  return rows.map(([name, make, config = SECRET_NODE]) => ({
    name,
    config,
    token: make,
    socket,
    rest,
  }));
}

const signatureOf = (text: string): string => text.slice(text.lastIndexOf('.') + 1);
const withoutSignature = (text: string): string => text.slice(0, text.lastIndexOf('.') + 1);
/** Both claims are numbers in JSON text that no JavaScript number can hold. */
const rawClaims = (exp: string): string =>
  JSON.stringify(claims({ exp: 0 })).replace('"exp":0', `"exp":${exp}`);
const manyGrants = (count: number): unknown[] =>
  Array.from({ length: count }, () => ({ match: '*', access: 'read' }));

export const TOKEN_CASES: readonly TokenCase[] = [
  ...cases(null, null, [
    ['J00 a good token', () => token()],
    ['J00 a good RS256 token', () => rs256(claims(), rsa.privateKey), RSA_NODE],
    ['J00 a good ES256 token', () => es256(claims(), ec.privateKey), EC_NODE],
    ['J05 exp 1 s ago, within the tolerance of 5 s', () => token({ exp: nowS() - 1 })],
    ['J06 exp as a fraction', () => token({ exp: nowS() + 60.5 })],
    ['J08 iat 4 min ahead', () => token({ iat: nowS() + 240, exp: nowS() + 600 })],
    ['J09 a lifetime of exactly 24 h', () => token({ exp: nowS() + 86_400, iat: nowS() })],
    ['J10 aud an array with ours', () => token({ aud: ['other', AUDIENCE] })],
    ['J12 sub of 128 characters', () => token({ sub: 'x'.repeat(128) })],
    ['J13 a kid, on a node with one key', () => hs256(claims(), { kid: 'kjT+a/9=' })],
    ['J17 100 grants', () => token({ docs: manyGrants(100) })],
  ]),
  ...cases('missing-token', 'missing-token', [['J01 none', () => null]]),
  ...cases('token-expired', 'token-expired', [
    ['J05 exp 61 s ago', () => token({ exp: nowS() - 61 })],
    [
      'J05 exp 1 s ago, without tolerance',
      () => token({ exp: nowS() - 1 }),
      { ...SECRET_NODE, clockToleranceMs: 0 },
    ],
  ]),
  ...cases('invalid-token', 'invalid-token', [
    ['J01 an empty token', () => ''],
    ['J01 not a token', () => 'opaque'],
    ['J01 three parts of nothing', () => '..'],
    ['J02 alg none', () => unsigned(claims(), 'none')],
    ['J02 alg None', () => unsigned(claims(), 'None')],
    ['J02 alg nOnE', () => unsigned(claims(), 'nOnE')],
    ['J02 alg none with a signature', () => unsigned(claims(), 'none', signatureOf(token()))],
    ['J02 an empty signature', () => withoutSignature(token())],
    ['J02 alg missing', () => hs256(claims(), { alg: undefined })],
    [
      'J03 HS256 signed with the RSA public key',
      () => hs256(claims(), {}, rsa.publicPem),
      RSA_NODE,
    ],
    [
      'J03 HS256 signed with the RSA public key in DER',
      () => hs256(claims(), {}, rsa.publicKey.export({ type: 'spki', format: 'der' })),
      RSA_NODE,
    ],
    ['J03 RS256 on a node with a secret', () => rs256(claims(), rsa.privateKey)],
    ['J03 RS256 by another key', () => rs256(claims(), otherRsa.privateKey), RSA_NODE],
    ['J03 ES256 on an RSA node', () => es256(claims(), ec.privateKey), RSA_NODE],
    ['J03 HS512 with our secret', () => hs256(claims(), { alg: 'HS512' })],
    ['J03 another secret', () => hs256(claims(), {}, `${SECRET_NODE.jwtSecret}x`)],
    ['J04 no exp', () => token({ exp: undefined })],
    ['J04 no sub', () => token({ sub: undefined })],
    ['J04 no iss', () => token({ iss: undefined })],
    ['J04 no aud', () => token({ aud: undefined })],
    ['J04 no iat', () => token({ iat: undefined })],
    ['J06 exp as a string', () => token({ exp: String(nowS() + 60) })],
    ['J06 exp as a number of no size', () => hs256(rawClaims('1e400'))],
    ['J06 exp null', () => token({ exp: null })],
    ['J07 nbf in the future', () => token({ nbf: nowS() + 60 })],
    ['J07 nbf as a string', () => token({ nbf: '0' })],
    ['J08 iat an hour ahead', () => token({ iat: nowS() + 3600, exp: nowS() + 7200 })],
    ['J09 a lifetime over 24 h', () => token({ exp: nowS() + 86_401, iat: nowS() })],
    ['J09 a lifetime of a century', () => token({ exp: nowS() + 3_155_760_000 })],
    ['J10 another iss', () => token({ iss: 'https://evil.test' })],
    ['J10 another aud', () => token({ aud: 'other' })],
    ['J10 aud an array without ours', () => token({ aud: ['other', 'more'] })],
    ['J11 crit', () => hs256(claims(), { crit: ['x'], x: 1 })],
    ['J11 b64 false', () => hs256(claims(), { b64: false })],
    ['J12 sub empty', () => token({ sub: '' })],
    ['J12 sub an object', () => token({ sub: { id: 'ann' } })],
    ['J12 sub of 129 characters', () => token({ sub: 'x'.repeat(129) })],
    ['J13 kid a path', () => hs256(claims(), { kid: '../../../../dev/null' })],
    ['J13 kid with SQL', () => hs256(claims(), { kid: "x' UNION SELECT 'k'; --" })],
    ['J13 kid of 10 KB', () => hs256(claims(), { kid: 'k'.repeat(10_240) })],
    ['J13 kid of 257 characters', () => hs256(claims(), { kid: 'k'.repeat(257) })],
    ['J13 kid a number', () => hs256(claims(), { kid: 7 })],
    ['J14 jku', () => hs256(claims(), { jku: 'https://evil.test/keys' })],
    ['J14 x5u', () => hs256(claims(), { x5u: 'https://evil.test/cert' })],
    ['J14 jwk', () => hs256(claims(), { jwk: { kty: 'oct', k: 'AAAA' } })],
    ['J15 a truncated signature', () => token().slice(0, -4)],
    [
      'J15 a flipped payload',
      () => token().replace(/\.(.)/, (_all, c) => `.${c === 'e' ? 'f' : 'e'}`),
    ],
    ['J16 a token of 9 KiB', () => token({ padding: 'x'.repeat(9 * 1024) })],
    ['J24 a ticket without jti', () => token({ once: true, exp: nowS() + 30 })],
    [
      'J24 a ticket that lives for 31 s',
      () => token({ once: true, jti: 'a', iat: nowS(), exp: nowS() + 31 }),
    ],
    ['J24 once as a string', () => token({ once: 'yes', jti: 'a', exp: nowS() + 30 })],
  ]),
  ...cases('forbidden', 'document-not-found', [
    [
      'J17 a grant on another document',
      () => token({ docs: [{ match: 'team/other', access: 'admin' }] }),
    ],
    [
      'J17 a grant on a prefix without a star',
      () => token({ docs: [{ match: 'team', access: 'admin' }] }),
    ],
    ['J17 no docs', () => token({ docs: undefined })],
    ['J17 docs empty', () => token({ docs: [] })],
    ['J17 docs a string', () => token({ docs: '*' })],
    ['J17 docs an object', () => token({ docs: { match: '*', access: 'admin' } })],
    ['J17 101 grants', () => token({ docs: manyGrants(101) })],
    ['J17 an unknown level', () => token({ docs: [{ match: '*', access: 'owner' }] })],
    [
      'J17 one bad entry among good ones',
      () =>
        token({
          docs: [
            { match: '*', access: 'write' },
            { match: 7, access: 'read' },
          ],
        }),
    ],
    [
      'J17 a condition that is not known',
      () => token({ docs: [{ match: '*', access: 'write', ip: '10.0.0.1' }] }),
    ],
    ['J17 a regular expression', () => token({ docs: [{ match: '.+', access: 'write' }] })],
  ]),
];
