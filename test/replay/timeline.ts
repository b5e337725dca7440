/**
 * When each edit of a recording was typed, in milliseconds from its start, for playing at a pace. Pauses are
 * cut to five seconds (the sessions lasted for months); edits of the same second are spread over it. Where a
 * recording kept no usable clock, everybody types five edits a second.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const PAUSE_MS_MAX = 5_000;
const TYPED_PER_SECOND = 5;
/** More edits a second than this, on average, nobody types: the clock is not the typist's. */
const BELIEVABLE_PER_SECOND = 50;
/** Recordings with whole seconds have many edits at the same time: milliseconds. */
const CLOCK_STEP_MS = 1_000;

/** The recorded times, one a transaction; NaN where there is none. */
export function recordedTimes(path: string): number[] {
  const bytes = readFileSync(path);
  const json = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const { txns } = JSON.parse(json.toString('utf8')) as { txns: readonly { time?: string }[] };
  return txns.map(({ time }) => (time === undefined ? Number.NaN : Date.parse(time)));
}

export function timeline(times: readonly number[], authors: number): number[] {
  const offsets = shortenPauses(times);
  const lastMs = offsets.at(-1) ?? 0;
  const isBelievable = lastMs > 0 && times.length / (lastMs / 1000) <= BELIEVABLE_PER_SECOND;
  if (isBelievable && times.every(Number.isFinite)) return offsets;
  return times.map((_, index) => (index * 1000) / (TYPED_PER_SECOND * authors));
}

function shortenPauses(times: readonly number[]): number[] {
  const offsets: number[] = [];
  let atMs = 0;
  for (let first = 0; first < times.length;) {
    // Recorded times may be equal, or run backwards where the clock was set.
    let next = first + 1;
    while (next < times.length && (times[next] ?? 0) <= (times[first] ?? 0)) next++;
    const gapMs = next < times.length ? (times[next] ?? 0) - (times[first] ?? 0) : 0;
    const spreadMs = Math.min(gapMs, CLOCK_STEP_MS);
    for (let index = first; index < next; index++) {
      offsets.push(atMs + (spreadMs * (index - first)) / (next - first));
    }
    atMs += Math.min(gapMs, PAUSE_MS_MAX);
    first = next;
  }
  return offsets;
}
