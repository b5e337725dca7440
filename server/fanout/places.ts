/**
 * Where the Redis of each region is: `REDIS_URL` is the own one's, `REGIONS` names the others
 * (`us=redis://…,ap=redis://…`). Several URLs of one region, separated by commas, are a Redis Cluster.
 */
import { isName } from './bus.ts';
import { parseRedisAddress } from './redis-address.ts';
import type { RedisPlace } from './redis-bus.ts';

export interface PlaceSettings {
  readonly nodeId: string;
  readonly region: string;
  readonly redisUrl: string | null;
  readonly regions: readonly string[];
  readonly busSecret: string | null;
}

const SECRET_BYTES_MIN = 16;
const NAMED = /^([^=/]*)=(.*)$/;

/** Null: this node is alone. */
export function placesOf({
  region,
  redisUrl,
  regions,
}: PlaceSettings): [RedisPlace, ...RedisPlace[]] | null {
  if (redisUrl === null) return null;
  const others: { region: string; urls: string[] }[] = [];
  for (const item of regions) {
    const named = NAMED.exec(item);
    // An item without a name is another URL of the region before it.
    if (named === null) others.at(-1)?.urls.push(item);
    else others.push({ region: named[1] ?? '', urls: [named[2] ?? ''] });
  }
  return [{ region, urls: urlsOf(redisUrl) }, ...others.filter((place) => place.region !== region)];
}

/** For the one message that lists all that is wrong. Never shows an address: it may hold a password. */
export function problemsOfPlaces(settings: PlaceSettings): readonly string[] {
  const { nodeId, region, redisUrl, regions, busSecret } = settings;
  const problems: string[] = [];
  const names = { NODE_ID: nodeId, REGION: region };
  for (const [option, name] of Object.entries(names)) {
    if (!isName(name)) problems.push(`${option} must be 1 to 64 letters, digits, or any of - _ .`);
  }
  if (redisUrl !== null && urlsOf(redisUrl).some((url) => parseRedisAddress(url) === null)) {
    problems.push('REDIS_URL must look like redis://host:6379 or rediss://…, or be a list of them');
  }
  if (regions.length > 0 && redisUrl === null) problems.push('REGIONS needs REDIS_URL');
  if (regions[0] !== undefined && !NAMED.test(regions[0])) {
    problems.push('REGIONS must look like us=redis://host:6379,ap=redis://…');
  }
  const seen = new Set<string>();
  for (const place of (placesOf({ ...settings, redisUrl: 'redis://own' }) ?? []).slice(1)) {
    const isUsable = place.urls.every((url) => parseRedisAddress(url) !== null);
    if (!isName(place.region)) problems.push('REGIONS has a name that is none');
    else if (!isUsable) problems.push(`REGIONS: the address of ${place.region} is none`);
    if (seen.has(place.region)) problems.push(`REGIONS names ${place.region} twice`);
    seen.add(place.region);
  }
  if (busSecret !== null && Buffer.byteLength(busSecret) < SECRET_BYTES_MIN) {
    problems.push(`BUS_SECRET must have at least ${SECRET_BYTES_MIN} bytes`);
  }
  return problems;
}

/** One URL, or those of a cluster. */
export function urlsOf(redisUrl: string): string[] {
  return redisUrl
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
}
