/**
 * Where a Redis is: `redis://[user:password@]host[:port][/db]`, `rediss://` over TLS, or `unix:///path`. Parsed
 * once; from then on only `label` is shown to anybody, which holds no credentials.
 */
export interface RedisAddress {
  readonly label: string;
  readonly host: string;
  readonly port: number;
  /** Of a unix socket; then host and port mean nothing. */
  readonly path: string | null;
  readonly isTls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
}

/** Null for what is none. Errors of the URL parser quote the whole text, so none leaves here. */
export function parseRedisAddress(text: string): RedisAddress | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === null || password === null) return null;
  const credentials = { username: username || null, password: password || null };
  if (url.protocol === 'unix:') {
    if (url.host !== '' || url.pathname.length < 2) return null;
    const path = decodeURIComponent(url.pathname);
    return { label: path, host: '', port: 0, path, isTls: false, ...credentials, db: 0 };
  }
  if ((url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '') return null;
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) return null;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 6379 : Number(url.port);
  return {
    label: `${url.hostname}:${port}`,
    host,
    port,
    path: null,
    isTls: url.protocol === 'rediss:',
    ...credentials,
    db: Number(url.pathname.slice(1)),
  };
}

/** Redis Cluster's slot of a channel: CRC-16 (XMODEM) of the part in braces. */
export function slotOf(channel: string): number {
  const open = channel.indexOf('{');
  const close = channel.indexOf('}', open + 1);
  const tag = open !== -1 && close > open + 1 ? channel.slice(open + 1, close) : channel;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    }
    crc &= 0xffff;
  }
  return crc % 16_384;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
