/** What nodes say to each other, as bytes: every kind comes back as it was, and nothing else is taken. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS, EVERYONE, bucketOf, documentChannel } from '../../../server/fanout/bus.ts';
import { KINDS, type Kind } from '../../../server/fanout/envelope.ts';
import {
  LIST_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  UPDATE_BYTES_MAX,
  channelOf,
  documentOf,
  inRuns,
  sweepBucketOf,
  type Message,
} from '../../../server/fanout/messages.ts';
import { decodePayload, encodePayload } from '../../../server/fanout/payloads.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { message } from './arbitrary-messages.ts';

const DOCUMENT = 'notes/a' as DocumentName;
const DIGEST = new Uint8Array(16).fill(0xd1);

const decode = (kind: Kind, hex: string, document: DocumentName | null = DOCUMENT): unknown =>
  decodePayload(kind, document, Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('payloads', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const payload = encodePayload(sent);
        expect(decodePayload(sent.kind, documentOf(sent), payload)).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  it('never throw, whatever the bytes; what decodes has one spelling', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (sent, at, value) => {
        const bytes = encodePayload(sent).slice();
        const spellings: Buffer[] = [];
        if (bytes.length > 0) bytes[at % bytes.length] = value;
        for (const kind of KINDS) {
          for (const document of [null, DOCUMENT]) {
            const decoded = decodePayload(kind, document, bytes);
            if (decoded !== null) spellings.push(Buffer.from(encodePayload(decoded)));
          }
        }
        expect(spellings.every((spelling) => spelling.equals(bytes))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('are consumed to the last byte, and whole', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const bytes = encodePayload(sent);
        const document = documentOf(sent);
        expect(decodePayload(sent.kind, document, Uint8Array.of(...bytes, 0))).toBeNull();
        for (let length = 0; length < bytes.length; length += 1 + (length >> 4)) {
          expect(decodePayload(sent.kind, document, bytes.slice(0, length))).toBeNull();
        }
      }),
    );
  });

  const golden: readonly [Message, string][] = [
    [
      { kind: 'update', document: DOCUMENT, previousSeq: 300, update: Uint8Array.of(0, 0) },
      'ac02020000',
    ],
    [
      {
        kind: 'presence',
        document: DOCUMENT,
        isComplete: true,
        entries: [
          { clientId: 7, clock: 1, json: '{}' },
          { clientId: 8, clock: 2, json: null },
        ],
      },
      '01 02 0701 01027b7d 0802 00',
    ],
    [
      {
        kind: 'heartbeat',
        isLeaving: false,
        isAsking: true,
        entries: [{ document: DOCUMENT, lastSeq: 5, digest: DIGEST }],
      },
      `000101076e6f7465732f6105${'d1'.repeat(16)}`,
    ],
    [
      {
        kind: 'request',
        to: 'n2',
        document: DOCUMENT,
        nonce: 9,
        stateVector: Uint8Array.of(0),
        deleteDigest: DIGEST,
      },
      `026e32090100${'d1'.repeat(16)}`,
    ],
    [
      {
        kind: 'reply',
        to: 'n2',
        document: DOCUMENT,
        nonce: 9,
        upToSeq: 4,
        index: 1,
        count: 3,
        offset: 2,
        size: 4,
        bytes: Uint8Array.of(1, 2),
      },
      '026e32 09 04 010302040201 02',
    ],
    [
      {
        kind: 'durable',
        to: 'n2',
        epoch: '0123456789abcdef',
        entries: [{ document: DOCUMENT, upToSeq: 6 }],
      },
      '026e320123456789abcdef01076e6f7465732f6106',
    ],
    [
      { kind: 'revoke', revocations: [{ tokenId: null, subject: 'ann', document: null, atMs: 1 }] },
      '01 00 0103616e6e 00 01',
    ],
    [{ kind: 'tombstone', document: DOCUMENT, deletedAtMs: 1 }, '01'],
    [{ kind: 'application', document: null, topic: 'x', bytes: Uint8Array.of(9) }, '01780109'],
    [{ kind: 'list-request', to: 'n2', nonce: 9, bucket: 1_023, after: null }, '026e3209ff0700'],
    [
      {
        kind: 'list-reply',
        to: 'n2',
        nonce: 9,
        bucket: 3,
        isLast: true,
        entries: [{ document: DOCUMENT, isDeleted: true, digest: DIGEST }],
      },
      `026e3209030101076e6f7465732f6101${'d1'.repeat(16)}`,
    ],
  ];
  it.each(golden)('$kind has these bytes', (sent, hex) => {
    expect(Buffer.from(encodePayload(sent)).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('B12 what would not fit a message is never encoded', () => {
    const update = new Uint8Array(UPDATE_BYTES_MAX);
    const fits: Message = { kind: 'update', document: DOCUMENT, previousSeq: 2 ** 53 - 1, update };
    expect(encodePayload(fits).length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
    const large = { ...fits, update: new Uint8Array(PAYLOAD_BYTES_MAX) };
    expect(() => encodePayload(large)).toThrow(RangeError);
  });
});

describe('hostile payloads', () => {
  const rows: readonly [string, Kind, string][] = [
    ['an update of nothing', 'update', '0000'],
    ['an update that claims more than there is', 'update', '000a00'],
    ['a count of 2^32 entries', 'heartbeat', '00ffffffff0f'],
    ['a flag of 2', 'heartbeat', '0200'],
    ['a client id of 2^53', 'presence', '01018080808080808010 0000'],
    ['presence of broken UTF-8', 'presence', '010107010102c328'],
    ['a state vector cut short', 'request', `026e3209020107${'d1'.repeat(16)}`],
    ['a state vector with a tail', 'request', `026e3209020000${'d1'.repeat(16)}`],
    ['a digest of 15 bytes', 'request', `026e32090100${'d1'.repeat(15)}`],
    ['a piece after the last', 'reply', '026e320904 03030001 0100'],
    ['a piece beyond its update', 'reply', '026e320904 00010202 0100'],
    ['a piece of nothing', 'reply', '026e320904 00010001 00'],
    ['an answer of 2^40 updates', 'reply', '026e320904 00808080808020 0001 0100'],
    ['a bucket that is none', 'list-request', '026e32 09 8008 00'],
    ['digests of one bucket too few', 'buckets', 'd1'.repeat(16 * 1_023)],
    ['a topic of nothing', 'application', '0000'],
  ];
  it.each(rows)('B01 %s', (_row, kind, hex) => {
    for (const document of [null, DOCUMENT]) expect(decode(kind, hex, document)).toBeNull();
  });

  const revocations: readonly [string, string][] = [
    ['nobody', '01 000000 01'],
    ['an empty list', '00'],
    ['an empty subject', '01 00 0100 00 01'],
    ['an empty token id', '01 0100 00 00 01'],
    ['a subject of broken UTF-8', '01 00 0102c328 00 01'],
    ['a document name that is none', '01 0000 01022e2e 01'],
    ['one good and one of nobody', '02 000103616e6e0001 00000001'],
    ['without a time', '01 00 0103616e6e 00'],
  ];
  it.each(revocations)('B20 a revocation of %s is dropped as a whole', (_row, hex) => {
    expect(decode('revoke', hex, null)).toBeNull();
  });

  it('a kind about a document needs one, others must not have one', () => {
    expect(decode('update', '00020000', null)).toBeNull();
    expect(decode('revoke', '01000103616e6e0001', DOCUMENT)).toBeNull();
  });
});

describe('channels and lists', () => {
  it('B24 no time in a message decides its channel, order or place', () => {
    const at = (deletedAtMs: number): string =>
      channelOf({ kind: 'tombstone', document: DOCUMENT, deletedAtMs });
    expect(at(0)).toBe(at(Number.MAX_SAFE_INTEGER));
    expect(at(0)).toBe(documentChannel(DOCUMENT));
  });

  it('each kind has one channel', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const channel: string = channelOf(sent);
        if ('to' in sent) expect(channel).toBe(`n/${sent.to}`);
        else if (documentOf(sent) === null) expect(channel).toBe(EVERYONE);
        else expect(channel).toMatch(/^d\d+$/);
      }),
    );
  });

  it.each([
    ['numbered', (n: number) => `doc-${n}`],
    ['in folders', (n: number) => `team-${n % 7}/notes/${n}`],
    ['as uuids', (n: number) => `${(n * 2_654_435_761) >>> 0}`.padStart(36, '0')],
  ])('documents %s are spread evenly over buckets', (_name, nameOf) => {
    const counts = Array.from({ length: BUCKETS }, () => 0);
    const sweep = new Set<number>();
    for (let n = 0; n < 64_000; n += 1) {
      const document = nameOf(n) as DocumentName;
      counts[bucketOf(document)] = (counts[bucketOf(document)] ?? 0) + 1;
      sweep.add(sweepBucketOf(document));
    }
    expect(Math.min(...counts)).toBeGreaterThan(700);
    expect(Math.max(...counts)).toBeLessThan(1_300);
    expect(sweep.size).toBeGreaterThan(1_000);
  });

  it('lists are cut so that each part fits, in order, nothing missing', () => {
    const entries = Array.from({ length: 5_000 }, (_, n) => ({
      document: `${'漢'.repeat(150)}${n}` as DocumentName,
      lastSeq: Number.MAX_SAFE_INTEGER,
      digest: DIGEST,
    }));
    const runs = inRuns(entries);
    expect(runs.flat()).toEqual(entries);
    expect(runs.length).toBeGreaterThan(10);
    for (const run of runs) {
      const bytes = encodePayload({
        kind: 'heartbeat',
        isLeaving: false,
        isAsking: false,
        entries: run,
      });
      expect(bytes.length).toBeLessThanOrEqual(LIST_BYTES_MAX);
    }
    expect(inRuns([])).toEqual([[]]);
  });
});
