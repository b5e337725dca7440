import { describe, expect, it } from 'vitest';
import {
  cleanName,
  COLORS,
  initials,
  loadProfile,
  NAME_LENGTH_MAX,
  parsePerson,
  saveProfile,
} from '../../../client/editor/document/people.ts';
import type { Person } from '../../../client/editor/document/people.ts';

function memoryStorage(): {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
} {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => {
      values.set(key, value);
    },
  };
}

describe('presence states of others', () => {
  it('give a person when they have a name', () => {
    expect(parsePerson({ user: { name: 'Ada', color: '#B3261E' } })).toEqual({
      name: 'Ada',
      color: '#B3261E',
    });
  });

  for (const state of [
    null,
    1,
    'x',
    [],
    {},
    { user: null },
    { user: 'Ada' },
    { user: { name: 7 } },
    { user: { name: ' \u200B ' } },
  ]) {
    it(`give nobody: ${JSON.stringify(state)}`, () => {
      expect(parsePerson(state)).toBeNull();
    });
  }

  for (const color of ['red', '#fff', 'url(https://x)', '#b3261e;x', 3, undefined]) {
    it(`give no colour but a plain one: ${String(color)}`, () => {
      expect(parsePerson({ user: { name: 'Ada', color } })?.color).toMatch(/^#[0-9a-f]{6}$/);
    });
  }

  it('cannot disguise a name with control, direction or line characters, or its length', () => {
    expect(cleanName('Ada\u202Enimda\n\tLovelace\u0000')).toBe('Ada nimda Lovelace');
    expect(Array.from(cleanName('😀'.repeat(1_000)))).toHaveLength(NAME_LENGTH_MAX);
  });
});

describe('initials', () => {
  for (const [name, letters] of [
    ['Amber Otter', 'AO'],
    ['ada', 'A'],
    ['Ada King Lovelace', 'AL'],
    ['😀 smile', '😀S'],
    ['Ada <b>Lovelace</b>', 'AB'],
    ['!!', ''],
  ] as const) {
    it(`of ${name} are ${letters}`, () => {
      expect(initials(name)).toBe(letters);
    });
  }
});

describe('the own profile', () => {
  it('is made once and remembered, as is what one changes it to', () => {
    const storage = memoryStorage();
    const made = loadProfile(storage, () => 0.999);
    expect(made.name).toMatch(/^\w+ \w+$/);
    expect(COLORS).toContain(made.color);
    expect(loadProfile(storage, () => 0)).toEqual(made);
    const chosen: Person = { name: 'Ada', color: '#1a66b8' };
    saveProfile(storage, chosen);
    expect(loadProfile(storage, () => 0)).toEqual(chosen);
  });

  it('is made anew where storage is forbidden, full or damaged', () => {
    const failing = {
      getItem: (): string => '{',
      setItem: (): void => {
        throw new Error('quota');
      },
    };
    expect(loadProfile(failing, () => 0).name).toBe('Amber Badger');
    expect(loadProfile(null, () => 0).name).toBe('Amber Badger');
  });
});

describe('colours', () => {
  for (const color of COLORS) {
    it(`${color} carry white letters at 4.5 : 1`, () => {
      expect(1.05 / (luminance(color) + 0.05)).toBeGreaterThanOrEqual(4.5);
    });
  }
});

/** WCAG 2 relative luminance. */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
}
