/** Bytes from the bus that anybody may have put there: what decodes, and what is dropped as what. */
import { createHmac, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MESSAGE_BYTES_MAX } from '../../../server/fanout/bus.ts';
import {
  KINDS,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
} from '../../../server/fanout/envelope.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { documentName, epoch, nodeId } from './arbitrary-messages.ts';

const SECRET = 'a secret of thirty-two characters';
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const envelope: fc.Arbitrary<Envelope> = fc.record({
  kind: fc.constantFrom(...KINDS),
  origin: nodeId,
  epoch,
  region: nodeId,
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  document: fc.option(documentName),
  traceparent: fc.constantFrom(null, TRACE),
  payload: fc.uint8Array({ maxLength: 400 }),
});
const secret = fc.constantFrom(null, SECRET);

const example: Envelope = {
  kind: 'update',
  origin: 'n1',
  epoch: '0123456789abcdef',
  region: 'eu',
  seq: 300,
  document: 'notes/a' as DocumentName,
  traceparent: TRACE,
  payload: Uint8Array.of(1, 2, 3),
};

const reasonOf = (bytes: Uint8Array, key: string | null = null): string => {
  const decoded = decodeEnvelope(bytes, key);
  return decoded.ok ? 'ok' : decoded.reason;
};

/** With a checksum that fits, so that what follows is looked at. */
function summed(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, 'hex');
  bytes[4] = (bytes[4] as number) | 8;
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, sum]);
}

/** Every prefix, every byte flipped in one bit, a byte more. */
function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length += 1) yield bytes.slice(0, length);
  for (let at = 0; at < bytes.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const copy = bytes.slice();
      copy[at] = (copy[at] as number) ^ (1 << bit);
      yield copy;
    }
  }
  yield Uint8Array.of(...bytes, 0);
}

describe('envelope', () => {
  it('has these bytes', () => {
    expect(Buffer.from(encodeEnvelope(example, null)).toString('hex')).toBe(
      [
        '5359', // SY
        '01', // version
        '00', // update
        '0b', // document, trace, checksum
        '0123456789abcdef',
        '026e31', // n1
        '026575', // eu
        'ac02', // 300
        '076e6f7465732f61', // notes/a
        '004bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b701',
        '03010203',
        'c0dbf818', // checksum
      ].join(''),
    );
  });

  it('signed, ends in the HMAC-SHA256 of everything before', () => {
    const bytes = encodeEnvelope({ ...example, document: null, traceparent: null }, SECRET);
    const signed = bytes.slice(0, -32);
    expect(Buffer.from(signed).toString('hex')).toBe(
      '535901000c0123456789abcdef026e31026575ac0203010203d9c0f0dc',
    );
    expect(Buffer.from(bytes.slice(-32))).toEqual(
      createHmac('sha256', SECRET).update(signed).digest(),
    );
  });

  it('comes back as it was, with and without a secret', () => {
    fc.assert(
      fc.property(envelope, secret, (sent, key) => {
        const decoded = decodeEnvelope(encodeEnvelope(sent, key), key);
        expect(decoded).toEqual({ ok: true, envelope: sent });
      }),
    );
  });

  it('has one spelling only: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(envelope, fc.nat(), fc.nat(255), (sent, at, value) => {
        const body = encodeEnvelope(sent, null).slice(0, -4);
        body[at % body.length] = value;
        const bytes = summed(Buffer.from(body).toString('hex'));
        const decoded = decodeEnvelope(bytes, null);
        if (decoded.ok && ((bytes[4] as number) & 4) === 0) {
          expect(Buffer.from(encodeEnvelope(decoded.envelope, null))).toEqual(Buffer.from(bytes));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('signed messages are taken by a node without a secret, so that one can be introduced', () => {
    expect(reasonOf(encodeEnvelope(example, SECRET), null)).toBe('ok');
  });

  it.each(['', 'with space', 'a'.repeat(65), 'slash/no', 'ünï'])(
    'does not encode the node id %j',
    (origin) => {
      expect(() => encodeEnvelope({ ...example, origin }, null)).toThrow(RangeError);
    },
  );
});

describe('hostile envelopes', () => {
  const valid = encodeEnvelope(example, null);
  const patched = (at: number, value: number): Uint8Array => {
    const copy = valid.slice();
    copy[at] = value;
    return copy;
  };
  const rows: readonly [string, Uint8Array, string][] = [
    ['B01 empty', new Uint8Array(), 'malformed'],
    ['B01 one byte', Uint8Array.of(0x53), 'malformed'],
    ['B01 magic alone', valid.slice(0, 2), 'malformed'],
    ['B01 text', Buffer.from('{"kind":"update","document":"notes/a"}'), 'malformed'],
    ['B02 wrong magic', patched(0, 0x54), 'malformed'],
    ['B02 a higher protocol version', patched(2, 2), 'version'],
    ['B02 version 0', patched(2, 0), 'version'],
    ['B02 an unknown kind', patched(3, KINDS.length), 'malformed'],
    ['B02 an unknown flag', summed('535901001b0123456789abcdef026e310265750100'), 'malformed'],
    ['B11 no checksum', patched(4, 3), 'malformed'],
    ['B11 a bit of the payload that flipped', patched(valid.length - 5, 2), 'malformed'],
    ['B12 40 MB', Buffer.concat([valid, Buffer.alloc(40_000_000)]), 'too-large'],
    ['B12 one byte over the limit', Buffer.alloc(MESSAGE_BYTES_MAX + 1, valid), 'too-large'],
    ['B01 trailing byte', Buffer.concat([valid, Buffer.of(0)]), 'malformed'],
    [
      'B01 a length of 2^53',
      Buffer.concat([valid.slice(0, 13), Buffer.alloc(8, 0xff)]),
      'malformed',
    ],
    ['B01 flagged as signed, and too short for it', patched(4, 15).slice(0, 30), 'malformed'],
    ['B01 sequence number 0', summed('53590100000123456789abcdef026e310265750000'), 'malformed'],
    [
      'B01 a number longer than it need be',
      summed('53590100000123456789abcdef026e31026575810000'),
      'malformed',
    ],
    [
      'B01 a document name that is none',
      summed('53590100010123456789abcdef026e3102657501022e2e00'),
      'malformed',
    ],
    [
      'B01 a node id with a space',
      summed('53590100000123456789abcdef026e200265750100'),
      'malformed',
    ],
    [
      'B01 a node id of broken UTF-8',
      summed('53590100000123456789abcdef02c3280265750100'),
      'malformed',
    ],
  ];

  it.each(rows)('%s', (_row, bytes, reason) => {
    expect(reasonOf(bytes)).toBe(reason);
  });

  it('B01 random bytes, also behind a good beginning', () => {
    for (let run = 0; run < 2_000; run += 1) {
      const noise = randomBytes(run % 1_024);
      expect(reasonOf(noise)).not.toBe('ok');
      expect(() =>
        decodeEnvelope(Buffer.concat([valid.slice(0, run % 40), noise]), null),
      ).not.toThrow();
    }
  });

  it('B01 every prefix is malformed', () => {
    for (let length = 0; length < valid.length; length += 1) {
      expect(reasonOf(valid.slice(0, length))).toBe('malformed');
    }
  });

  const signed = encodeEnvelope(example, SECRET);
  it('B14 no bit can be changed under a signature', () => {
    let count = 0;
    for (const bytes of damaged(signed)) {
      expect(reasonOf(bytes, SECRET)).not.toBe('ok');
      count += 1;
    }
    expect(count).toBeGreaterThan(800);
  });

  const forged: readonly [string, Uint8Array][] = [
    ['B14 not signed', valid],
    ['B14 signed with another secret', encodeEnvelope(example, `${SECRET}!`)],
    ['B14 the flag alone', Buffer.concat([patched(4, 7), Buffer.alloc(32)])],
    [
      'B14 the signature of another message',
      Buffer.concat([
        signed.slice(0, -32),
        encodeEnvelope({ ...example, seq: 301 }, SECRET).slice(-32),
      ]),
    ],
  ];
  it.each(forged)('%s', (_row, bytes) => {
    expect(reasonOf(bytes, SECRET)).toBe('auth');
  });
});
