/**
 * Table R of the bad inputs as data: requests that are refused by what they say, and with what. Those that need more than
 * one well-formed request are in the test that sends these.
 */
import { pathOf, textUpdate, type RestOptions } from './rest.ts';

/** Of the node that is asked: bytes. */
export const BODY_MAX: number = 64 * 1024;
/** The document that the rows ask for; `absent` is never created. */
export const NOTES: string = pathOf('notes');
export const ABSENT: string = pathOf('absent');

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);
const GZIP = { 'Content-Encoding': 'gzip' };

type Row = readonly [
  name: string,
  request: readonly [method: string, path: string, options?: RestOptions],
  status: number,
  code: string,
];

export const ROWS: readonly Row[] = [
  [
    'R01 an update as JSON',
    ['POST', `${NOTES}/updates`, { json: {} }],
    415,
    'unsupported-media-type',
  ],
  ['R01 an initial update as JSON', ['PUT', ABSENT, { json: {} }], 415, 'unsupported-media-type'],
  [
    'R01 a sync as octets',
    ['POST', `${NOTES}/sync`, { body: bytes(9) }],
    415,
    'unsupported-media-type',
  ],
  ['R02 no body', ['POST', `${NOTES}/updates`], 400, 'invalid-update'],
  ['R02 Content-Length: 0', ['POST', `${ABSENT}/updates`, { body: '' }], 400, 'invalid-update'],
  [
    'R03 limit + 1',
    ['POST', `${NOTES}/updates`, { body: bytes(BODY_MAX + 1) }],
    413,
    'body-too-large',
  ],
  [
    'R03 the limit itself is read',
    ['POST', `${NOTES}/updates`, { body: bytes(BODY_MAX) }],
    400,
    'invalid-update',
  ],
  [
    'R05 a coded body',
    ['POST', `${NOTES}/updates`, { body: bytes(9), headers: GZIP }],
    415,
    'unsupported-media-type',
  ],
  [
    'R05 a coded JSON body',
    ['POST', `${NOTES}/copy`, { json: { to: 'absent' }, headers: GZIP }],
    415,
    'unsupported-media-type',
  ],
  ['R07 not base64url', ['GET', `${NOTES}/state?since=a+b`], 400, 'invalid-state-vector'],
  [
    'R07 base64url with padding',
    ['GET', `${NOTES}/state?since=AA%3D%3D`],
    400,
    'invalid-state-vector',
  ],
  ['R07 empty', ['GET', `${NOTES}/state?since=`], 400, 'invalid-state-vector'],
  ['R07 twice', ['GET', `${NOTES}/state?since=AA&since=AA`], 400, 'invalid-state-vector'],
  ['R07 garbage', ['GET', `${NOTES}/state?since=____________`], 400, 'invalid-state-vector'],
  ['R08 an unknown document', ['GET', `${ABSENT}/state`], 404, 'document-not-found'],
  ['R08 metadata of one', ['GET', ABSENT], 404, 'document-not-found'],
  ['R08 connections of one', ['GET', `${ABSENT}/connections`], 404, 'document-not-found'],
  [
    'R10 X-Min-State-Vector that is none',
    ['GET', `${NOTES}/state`, { headers: { 'X-Min-State-Vector': '!' } }],
    400,
    'invalid-state-vector',
  ],
  ['R11 a method that the route lacks', ['PATCH', `${NOTES}/state`], 405, 'method-not-allowed'],
  ['R11 POST to what is only read', ['POST', NOTES, { body: bytes(1) }], 405, 'method-not-allowed'],
  ['R11 DELETE of the list', ['DELETE', '/v1/documents'], 405, 'method-not-allowed'],
  [
    'R12 Accept: text/html',
    ['GET', NOTES, { headers: { Accept: 'text/html' } }],
    406,
    'not-acceptable',
  ],
  [
    'R12 Accept: text/html of what is not there',
    ['GET', '/v1/nothing', { headers: { Accept: 'text/html' } }],
    404,
    'not-found',
  ],
  [
    'R12 Accept of a type that the state has not',
    ['GET', `${NOTES}/state`, { headers: { Accept: 'image/png' } }],
    406,
    'not-acceptable',
  ],
  [
    'R13 a write from a foreign page',
    [
      'POST',
      `${NOTES}/updates`,
      { body: textUpdate('evil'), headers: { Origin: 'https://evil.example' } },
    ],
    403,
    'origin-refused',
  ],
  [
    'R13 a write from an opaque origin',
    ['PUT', ABSENT, { headers: { Origin: 'null' } }],
    403,
    'origin-refused',
  ],
  [
    'R13 a deletion across sites',
    ['DELETE', NOTES, { headers: { 'Sec-Fetch-Site': 'cross-site' } }],
    403,
    'origin-refused',
  ],
  ['R15 a bad escape', ['GET', '/v1/documents/%zz'], 400, 'invalid-request'],
  ['R15 NUL', ['GET', '/v1/documents/a%00b'], 400, 'invalid-document-name'],
  ['R15 dots', ['GET', '/v1/documents/..%2f..%2fetc%2fpasswd'], 400, 'invalid-document-name'],
  [
    'R15 double encoding is a name with a percent sign',
    ['GET', '/v1/documents/a%252Fb'],
    400,
    'invalid-document-name',
  ],
  ['R15 a slash that is not encoded', ['GET', '/v1/documents/a/b'], 404, 'not-found'],
  ['R15 10 KB', ['GET', `/v1/documents/${'x'.repeat(10_000)}`], 414, 'uri-too-long'],
  ['R15 a trailing slash', ['GET', '/v1/documents/'], 404, 'not-found'],
  ['R15 another case', ['GET', '/v1/Documents'], 404, 'not-found'],
  [
    'R14 copy to a name that is none',
    ['POST', `${NOTES}/copy`, { json: { to: '../x' } }],
    400,
    'invalid-document-name',
  ],
  [
    'R14 a member too many',
    ['POST', `${NOTES}/copy`, { json: { to: 'absent', and: 1 } }],
    400,
    'invalid-request',
  ],
  [
    'R14 a member of another type',
    ['POST', `${NOTES}/copy`, { json: { to: ['absent'] } }],
    400,
    'invalid-request',
  ],
  [
    'R17 an Idempotency-Key of control characters',
    ['PUT', ABSENT, { headers: { 'Idempotency-Key': 'a b' } }],
    400,
    'invalid-request',
  ],
  ['a limit that is none', ['GET', '/v1/documents?limit=1e3'], 400, 'invalid-request'],
  [
    'If-None-Match of a tag on a write',
    ['PUT', NOTES, { headers: { 'If-None-Match': '"x"' } }],
    400,
    'invalid-request',
  ],
];
