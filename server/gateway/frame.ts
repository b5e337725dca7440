/**
 * WebSocket framing of what the server sends (RFC 6455 §5.2: FIN, binary, unmasked), made once for all
 * receivers. Small payloads are copied behind their header, so that a frame is one write; large ones are shared.
 */
import type { Frame } from '../rooms/outlet.ts';

const FIN_BINARY = 0x82;
/** Up to here copying is cheaper than a second buffer in the socket's write list. */
const COPY_BYTES_MAX = 16 * 1024;

/** `head`: the first bytes of the message; `body`: the rest. */
export function binaryFrame(head: readonly number[], body: Uint8Array): Frame {
  const payloadBytes = head.length + body.byteLength;
  const lengthBytes = payloadBytes < 126 ? 0 : payloadBytes < 0x1_0000 ? 2 : 8;
  const start = 2 + lengthBytes + head.length;
  const isCopied = body.byteLength <= COPY_BYTES_MAX;
  const buffer = Buffer.allocUnsafe(isCopied ? start + body.byteLength : start);
  buffer[0] = FIN_BINARY;
  if (lengthBytes === 0) {
    buffer[1] = payloadBytes;
  } else if (lengthBytes === 2) {
    buffer[1] = 126;
    buffer.writeUInt16BE(payloadBytes, 2);
  } else {
    buffer[1] = 127;
    buffer.writeBigUInt64BE(BigInt(payloadBytes), 2);
  }
  for (let index = 0; index < head.length; index += 1) {
    buffer[2 + lengthBytes + index] = head[index] ?? 0;
  }
  if (!isCopied) return [buffer, body];
  buffer.set(body, start);
  return [buffer];
}

/** Appends a lib0 varUint (7 bits a byte, low first) to `bytes`. */
export function pushVarUint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
