/** What a presence state may be: a JSON object, or null for a goodbye, of bounded size and depth. */
import { hasDepthOver } from './json-depth.ts';

export interface PresenceLimits {
  readonly stateBytesMax: number;
  readonly stateDepthMax: number;
}

export type StateVerdict = 'state' | 'gone' | 'invalid' | 'over-limit';

export function judgeState(json: string, limits: PresenceLimits): StateVerdict {
  // A UTF-16 unit takes at most three bytes; only states near the limit are measured exactly.
  if (json.length > limits.stateBytesMax) return 'over-limit';
  if (json.length * 3 > limits.stateBytesMax) {
    if (Buffer.byteLength(json) > limits.stateBytesMax) return 'over-limit';
  }
  if (hasDepthOver(json, limits.stateDepthMax)) return 'over-limit';
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'invalid';
  }
  if (typeof value !== 'object' || Array.isArray(value)) return 'invalid';
  return value === null ? 'gone' : 'state';
}

export function isState(json: string, limits: PresenceLimits): boolean {
  return judgeState(json, limits) === 'state';
}
