/** What the page remembers in this browser; nothing, where the browser forbids it. */
export interface Memory {
  read(key: string): string | null;
  write(key: string, value: string | null): void;
}

const PREFIX = 'syncline.';

/** Reading the property itself throws where storage is forbidden. */
export function browserMemory(): Memory {
  let storage: Storage | null = null;
  try {
    storage = localStorage;
  } catch {
    // Everything then lasts as long as the page.
  }
  const fallback = new Map<string, string>();
  return {
    read: (key) => fallback.get(key) ?? storage?.getItem(PREFIX + key) ?? null,
    write: (key, value) => {
      if (value === null) {
        fallback.delete(key);
        storage?.removeItem(PREFIX + key);
        return;
      }
      try {
        if (storage === null) fallback.set(key, value);
        else storage.setItem(PREFIX + key, value);
      } catch {
        fallback.set(key, value);
      }
    },
  };
}

/** `fallback` for what is missing or was written by something else. */
export function readJson<T>(memory: Memory, key: string, fallback: T): T {
  try {
    return (JSON.parse(memory.read(key) ?? 'null') as T | null) ?? fallback;
  } catch {
    return fallback;
  }
}
