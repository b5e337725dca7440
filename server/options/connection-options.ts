/** What one connection may send, keep waiting, and leave unread. */
import { GIB, MIB, bytes, count, ms, type Option } from './option.ts';

export interface ConnectionConfig {
  readonly connectionsMax: number;
  readonly frameBytesMax: number;
  readonly inboxBytesMax: number;
  readonly sendBufferBytes: number;
  readonly sendBufferBytesMax: number;
  readonly sendStallMs: number;
  readonly presenceBytesMax: number;
  readonly presenceDepthMax: number;
  readonly connectionCpuMs: number;
  readonly connectionBytesPerSecond: number;
  readonly heartbeatIntervalMs: number;
  readonly keepAliveMs: number;
}

export const CONNECTION_OPTIONS: readonly Option<keyof ConnectionConfig>[] = [
  {
    key: 'connectionsMax',
    env: 'CONNECTIONS_MAX',
    kind: count(1, 1_000_000),
    doc: 'WebSocket connections; more are answered 503 with Retry-After.',
  },
  {
    key: 'frameBytesMax',
    env: 'FRAME_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Largest frame from a client: an unmodified one sends all of its offline work in one.',
  },
  {
    key: 'inboxBytesMax',
    env: 'INBOX_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Messages of one connection waiting while its document loads; when full its socket is not read.',
  },
  {
    key: 'sendBufferBytes',
    env: 'SEND_BUFFER_BYTES',
    kind: bytes(16 * 1024, GIB),
    doc: 'Above this a connection is lagging: it gets one catch-up when it has drained.',
  },
  {
    key: 'sendBufferBytesMax',
    env: 'SEND_BUFFER_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'Above this a connection is closed (1013).',
  },
  {
    key: 'sendStallMs',
    env: 'SEND_STALL_MS',
    kind: ms(100),
    doc: 'A connection that takes nothing for this long while something waits for it is closed (1013).',
  },
  {
    key: 'presenceBytesMax',
    env: 'PRESENCE_BYTES_MAX',
    kind: bytes(64, MIB),
    doc: 'Largest presence state (cursor, name) of a client, as JSON.',
  },
  {
    key: 'presenceDepthMax',
    env: 'PRESENCE_DEPTH_MAX',
    kind: count(1, 512),
    doc: 'Deepest nesting of a presence state.',
  },
  {
    key: 'connectionCpuMs',
    env: 'CONNECTION_CPU_MS',
    kind: ms(1, 1000),
    doc: 'CPU time a second that one connection may cause, with a burst of five times that; beyond it is slowed.',
  },
  {
    key: 'connectionBytesPerSecond',
    env: 'CONNECTION_BYTES_PER_SECOND',
    kind: bytes(1024, 4 * GIB),
    doc: 'Bytes a second that one connection may send, with a burst of FRAME_BYTES_MAX; beyond it is slowed.',
  },
  {
    key: 'heartbeatIntervalMs',
    env: 'HEARTBEAT_INTERVAL_MS',
    kind: ms(100),
    doc: 'Pings; a connection that misses two is closed.',
  },
  {
    key: 'keepAliveMs',
    env: 'KEEP_ALIVE_MS',
    kind: ms(100),
    doc: 'A client hears something at least this often (stock clients reconnect after 30 s of silence).',
  },
];

export function connectionDefaults(): ConnectionConfig {
  return {
    connectionsMax: 10_000,
    frameBytesMax: 32 * MIB,
    inboxBytesMax: MIB,
    sendBufferBytes: MIB,
    sendBufferBytesMax: 8 * MIB,
    sendStallMs: 10_000,
    presenceBytesMax: 8192,
    presenceDepthMax: 16,
    connectionCpuMs: 200,
    connectionBytesPerSecond: 32 * MIB,
    heartbeatIntervalMs: 30_000,
    keepAliveMs: 10_000,
  };
}
