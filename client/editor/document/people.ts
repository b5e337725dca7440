/**
 * Who somebody is to the others: a name and a colour, carried in presence as `user: { name, color }`, the form
 * that other Yjs editors use too. What arrives is anybody's JSON and is parsed before it is shown; the own
 * profile is kept in the browser's storage.
 */
export interface Person {
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string;
}

export const NAME_LENGTH_MAX = 40;

/** White initials reach a contrast of 4.5 : 1 on each of these. */
export const COLORS: readonly string[] = [
  '#b3261e',
  '#a3510b',
  '#7a6200',
  '#2f7434',
  '#00736b',
  '#1a66b8',
  '#6750c4',
  '#a8327d',
];

const ADJECTIVES = [
  'Amber',
  'Brisk',
  'Calm',
  'Clever',
  'Gentle',
  'Keen',
  'Lucky',
  'Merry',
  'Quiet',
];
const ANIMALS = ['Badger', 'Finch', 'Heron', 'Ibex', 'Lynx', 'Marten', 'Otter', 'Plover', 'Wren'];
const INITIAL = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
const FALLBACK_COLOR = '#5f6368';
const STORAGE_KEY = 'syncline.person';

/** What `localStorage` offers; null where the browser forbids it. */
export type ProfileStorage = Pick<Storage, 'getItem' | 'setItem'> | null;

/** Reads a presence state; null for those who say nothing about themselves. */
export function parsePerson(state: unknown): Person | null {
  if (!isRecord(state) || !isRecord(state['user'])) return null;
  const { name, color } = state['user'];
  const clean = typeof name === 'string' ? cleanName(name) : '';
  if (clean === '') return null;
  return { name: clean, color: isColor(color) ? color : FALLBACK_COLOR };
}

/** One line of at most 40 characters, without control and formatting characters that could disguise it. */
export function cleanName(name: string): string {
  const visible = name.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim();
  return Array.from(visible).slice(0, NAME_LENGTH_MAX).join('').trim();
}

/** One or two letters, digits or pictures for a small disc: of the first and the last word that has one. */
export function initials(name: string): string {
  const marks = name.split(' ').flatMap((word) => INITIAL.exec(word)?.[0] ?? []);
  return [marks[0], marks.length > 1 ? marks.at(-1) : ''].join('').toUpperCase();
}

/** The remembered profile, or a new one, remembered. `random` returns a number in [0, 1). */
export function loadProfile(storage: ProfileStorage, random: () => number): Person {
  const remembered = readProfile(storage);
  if (remembered !== null) return remembered;
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? '';
  const person = { name: `${pick(ADJECTIVES)} ${pick(ANIMALS)}`, color: pick(COLORS) };
  saveProfile(storage, person);
  return person;
}

export function saveProfile(storage: ProfileStorage, person: Person): void {
  try {
    storage?.setItem(STORAGE_KEY, JSON.stringify(person));
  } catch {
    // Full or forbidden: the name then lasts as long as the page.
  }
}

function readProfile(storage: ProfileStorage): Person | null {
  try {
    const user: unknown = JSON.parse(storage?.getItem(STORAGE_KEY) ?? 'null');
    return parsePerson({ user });
  } catch {
    return null;
  }
}

function isColor(color: unknown): color is string {
  return typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
