/** What an option is: its name outside, what values it takes, and what it is for. */
export type Kind =
  | { readonly type: 'text' }
  | { readonly type: 'list' }
  | { readonly type: 'flag' }
  | { readonly type: 'choice'; readonly values: readonly string[] }
  | { readonly type: 'count' | 'bytes' | 'ms'; readonly min: number; readonly max: number };

export interface Option<Key extends string = string> {
  readonly key: Key;
  readonly env: string;
  readonly kind: Kind;
  /** What stands in the tables; the value itself comes from the defaults. */
  readonly shown?: string;
  /** Its value is never shown, logged or part of a message. */
  readonly isSecret?: true;
  readonly doc: string;
}

export const MIB: number = 1024 * 1024;
export const GIB: number = 1024 * MIB;
export const DAY_MS = 86_400_000;

export const count = (min: number, max: number): Kind => ({ type: 'count', min, max });
export const bytes = (min: number, max: number): Kind => ({ type: 'bytes', min, max });
export const ms = (min: number, max: number = DAY_MS): Kind => ({ type: 'ms', min, max });
