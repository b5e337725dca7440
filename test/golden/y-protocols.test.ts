import { describe, expect, it } from 'vitest';
import { ySweet as makeYSweet } from '../../server/gateway/dialects/y-sweet.ts';
import { yWebsocket } from '../../server/gateway/dialects/y-websocket.ts';
import { binaryFrame } from '../../server/gateway/frame.ts';
import type { Frame } from '../../server/rooms/outlet.ts';

const ySweet = makeYSweet(false);

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');
const bytesOf = (frame: Frame | null): string => Buffer.concat(frame ?? []).toString('hex');

describe('y-protocols, byte for byte', () => {
  const update = hex('01 01 01 00 04 01 01 74 01 61 00');

  it('writes one message a frame, unmasked, final, binary', () => {
    expect(bytesOf(yWebsocket.wire.syncStep1(hex('00')))).toBe('820400000100');
    expect(bytesOf(yWebsocket.wire.syncStep2(hex('0000')))).toBe('82050001020000');
    expect(bytesOf(yWebsocket.wire.update(update))).toBe('820e00020b0101010004010174016100');
    expect(bytesOf(yWebsocket.wire.presence(hex('00')))).toBe('8203010100');
    expect(bytesOf(yWebsocket.wire.ack(hex('05')))).toBe('8203660105');
    expect(bytesOf(yWebsocket.wire.expiry?.(60) ?? null)).toBe('820302013c');
    expect('expiry' in ySweet.wire).toBe(false);
    expect(bytesOf(yWebsocket.wire.ack(hex('ac02')))).toBe('82046602ac02');
  });

  it.each([125, 126, 65_535, 65_536, 300_000])('frames %d bytes as RFC 6455 says', (length) => {
    const frame = Buffer.concat(binaryFrame([0xaa], new Uint8Array(length - 1).fill(7)));
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect(frame.byteLength).toBe(header + length);
    const announced =
      header === 2
        ? frame[1]
        : header === 4
          ? frame.readUInt16BE(2)
          : Number(frame.readBigUInt64BE(2));
    expect(announced).toBe(length);
    expect(frame[header]).toBe(0xaa);
    expect(frame.at(-1)).toBe(7);
  });

  it.each([
    ['00 00 01 00', [{ type: 'sync-step-1', stateVector: hex('00') }]],
    ['00 01 02 00 00', [{ type: 'sync-step-2', update: hex('0000') }]],
    ['00 02 0b 01 01 01 00 04 01 01 74 01 61 00', [{ type: 'update', update }]],
    ['01 06 01 01 00 02 7b 7d', [{ type: 'presence', entries: hex('01010002 7b7d') }]],
    ['02 00 03 74 6f 6b', [{ type: 'token', token: 'tok' }]],
    ['03', [{ type: 'presence-query' }]],
    ['03 01 00', [{ type: 'presence', entries: hex('00') }]],
    ['66 01 05', [{ type: 'ack-request', payload: hex('05') }]],
    [
      '00 01 02 00 00 66 01 05',
      [
        { type: 'sync-step-2', update: hex('0000') },
        { type: 'ack-request', payload: hex('05') },
      ],
    ],
  ])('reads %s', (frame, messages) => {
    const decoded = yWebsocket.decode(hex(frame));
    expect(decoded.ok).toBe(true);
    const plain = (decoded.ok ? decoded.messages : []).map((message) =>
      Object.fromEntries(
        Object.entries(message).map(([key, value]) => [
          key,
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        ]),
      ),
    );
    const expected = messages.map((message) =>
      Object.fromEntries(
        Object.entries(message).map(([key, value]) => [
          key,
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        ]),
      ),
    );
    expect(plain).toEqual(expected);
  });

  it.each([
    ['', 'malformed-message'],
    ['00', 'malformed-message'],
    ['00 02 05 01 01', 'malformed-message'],
    ['ff ff ff ff ff ff ff ff ff 7f', 'malformed-message'],
    ['07', 'unknown-message'],
    ['7f', 'unknown-message'],
    ['00 09', 'unknown-message'],
    ['00 02 02 00 00 de ad', 'malformed-message'],
    ['02 00', 'malformed-message'],
    ['02 01 05', 'unknown-message'],
    [`66 41${' 00'.repeat(65)}`, 'unknown-message'],
  ])('refuses %s as %s', (frame, code) => {
    const decoded = yWebsocket.decode(hex(frame));
    expect(decoded.ok ? 'ok' : decoded.code).toBe(code);
  });
});
