/**
 * Keys, as this machine's keyboard has them. With Alt alone, Apple's keyboards write characters (ß, ç, ń), so there the
 * page's own shortcuts take Control, too. In tables of shortcuts, `Page` is what those begin with, `Mod` what commands of
 * the text begin with.
 */
const IS_APPLE: boolean = /mac|iphone|ipad/i.test(navigator.platform);

const NAMES: Readonly<Record<string, string>> = IS_APPLE
  ? { Page: '⌃ ⌥', Mod: '⌘', Shift: '⇧', Alt: '⌥' }
  : { Page: 'Alt', Mod: 'Ctrl' };

type Modifiers = Pick<KeyboardEvent, 'altKey' | 'ctrlKey' | 'metaKey'>;

export function isPageShortcut({ altKey, ctrlKey, metaKey }: Modifiers): boolean {
  return altKey && ctrlKey === IS_APPLE && !metaKey;
}

export function isMod({ ctrlKey, metaKey }: Modifiers): boolean {
  return IS_APPLE ? metaKey && !ctrlKey : ctrlKey && !metaKey;
}

/** `Mod Shift Z` in the words of this keyboard. */
export function keyWords(keys: string): string {
  return keys
    .split(' ')
    .map((key) => NAMES[key] ?? key)
    .join(' ');
}
