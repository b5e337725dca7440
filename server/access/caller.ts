/**
 * Who is at the other end of a request, by address. Behind proxies the address stands in X-Forwarded-For, which
 * anybody can write: it is believed for exactly as many hops as TRUST_PROXY says, counted from the near end.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Caller } from './access.ts';

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** More entries than this are not looked at: bytes of header, an address takes at most 45. */
const FORWARDED_LENGTH_MAX = 4096;

/** `hops`: proxies between the client and this node whose word is taken. */
export function callerOf(
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  hops: number,
): Caller {
  const { origin } = request.headers;
  return { address: addressOf(request, hops), origin: origin ?? null };
}

function addressOf(request: Pick<IncomingMessage, 'headers' | 'socket'>, hops: number): string {
  const peer = plainAddress(request.socket.remoteAddress ?? '') ?? 'unknown';
  const header = request.headers['x-forwarded-for'];
  if (hops === 0 || header === undefined) return peer;
  const forwarded = (Array.isArray(header) ? header.join(',') : header)
    .slice(-FORWARDED_LENGTH_MAX)
    .split(',');
  // Fewer entries than hops: the far proxies left none, the leftmost is as far as we can see.
  const claimed = forwarded[Math.max(0, forwarded.length - hops)] ?? '';
  return plainAddress(claimed.trim()) ?? peer;
}

/** One spelling an address, IPv4 in IPv6 clothes undressed; null when it is none. */
function plainAddress(text: string): string | null {
  const address = MAPPED_IPV4.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? null : address.toLowerCase();
}

/** IPv6 users own a /64 at least: counting single addresses would count nobody. */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

/** A program on this machine, or a proxy that was not declared: no stranger by itself. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
