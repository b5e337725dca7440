/**
 * Shows the save state. "Saved" waits a moment after the last change, so that the words do not flicker with
 * every key; everything else shows at once. What is read out to those who cannot see it changes with the kind
 * of state only, not with every count.
 */
import type { SaveLabel } from './save-label.ts';

/** Longer than the pause between two keys of somebody who is typing, milliseconds. */
const SAVED_AFTER_MS = 600;

export class SaveIndicator {
  readonly #element: HTMLElement;
  readonly #words: HTMLElement;
  readonly #spoken: HTMLElement;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `element` is coloured by its `data-tone`, `words` shows the text, `spoken` is a live region. */
  constructor(element: HTMLElement, words: HTMLElement, spoken: HTMLElement) {
    this.#element = element;
    this.#words = words;
    this.#spoken = spoken;
  }

  show(label: SaveLabel): void {
    clearTimeout(this.#timer);
    if (label.tone === 'saved' && this.#element.dataset['tone'] === 'saving') {
      this.#timer = setTimeout(() => this.#write(label), SAVED_AFTER_MS);
    } else {
      this.#write(label);
    }
  }

  #write(label: SaveLabel): void {
    // "Saving" is said by its count going away again; read aloud it would interrupt every sentence.
    if (label.tone !== 'saving' && label.tone !== this.#element.dataset['tone']) {
      this.#spoken.textContent = label.text;
    }
    this.#element.dataset['tone'] = label.tone;
    this.#words.textContent = label.text;
  }
}
