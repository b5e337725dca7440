/** What the node says about keeping this document (`GET …/durability`): where, and why not. */
import type { Rest } from '../../rest.ts';

export interface Durability {
  readonly access: 'read' | 'write' | 'admin';
  readonly isAccessControlled: boolean;
  readonly canShare: boolean;
  readonly region: string;
  readonly otherRegions: readonly string[];
  readonly ack: 'local' | 'replicated';
  readonly store: 'open' | 'disk-full' | 'failing';
}

export interface Asked {
  readonly durability: Durability;
  /** How long the answer took: milliseconds. */
  readonly roundTripMs: number;
}

const TIMEOUT_MS = 5_000;

/** Null: nobody answered, or it was refused; the connection tells why. */
export async function askDurability(rest: Rest): Promise<Asked | null> {
  const startMs = performance.now();
  try {
    const response = await rest.request('/durability', {
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body: unknown = await response.json();
    if (!response.ok) return null;
    return { durability: body as Durability, roundTripMs: performance.now() - startMs };
  } catch {
    return null;
  }
}
