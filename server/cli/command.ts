/** What every command of the tool shares: where it writes, how it ends, how numbers and names look. */
import { StoreError } from '../../persistence/index.ts';

/** stdout is for results, stderr for progress and for people. */
export interface Output {
  readonly out: (line: string) => void;
  readonly note: (line: string) => void;
}

/** 78 is EX_CONFIG of sysexits.h: the folder was refused or is in use. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 78 } as const;

export function exitCodeOf(error: unknown): number {
  const isRefusal =
    error instanceof StoreError && (error.code === 'refused' || error.code === 'locked');
  return isRefusal ? EXIT.refused : EXIT.failed;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

export function formatDate(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString();
}

/** As JSON, so that control characters in a name cannot play with the terminal. */
export function formatName(name: string): string {
  return JSON.stringify(name);
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
