/** Light, dark, or as the system is. */
import { effect, signal, type Signal } from '@preact/signals';
import type { Memory } from './storage.ts';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'theme';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function createTheme(memory: Memory): Signal<Theme> {
  const known = THEMES.find((theme) => theme === memory.read(KEY));
  const theme = signal<Theme>(known ?? 'system');
  effect(() => {
    const { value } = theme;
    if (value === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = value;
    memory.write(KEY, value === 'system' ? null : value);
  });
  return theme;
}
