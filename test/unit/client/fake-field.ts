/** A text field without a browser: what an HTMLTextAreaElement does with value, selection and input. */
import type { TextField } from '../../../client/editor/text-binding.ts';

export class FakeField extends EventTarget implements TextField {
  selectionStart = 0;
  selectionEnd = 0;
  selectionDirection: 'forward' | 'backward' | 'none' = 'none';
  scrollTop = 0;
  /** How often the value was set by a program. */
  writes = 0;
  #value = '';

  get value(): string {
    return this.#value;
  }

  /** Setting it moves the caret to the end and scrolls, as browsers do. */
  set value(value: string) {
    this.writes += 1;
    this.#value = value.replaceAll(/\r\n?/g, '\n');
    this.scrollTop = 0;
    this.select(this.#value.length);
  }

  setSelectionRange(start: number, end: number, direction: 'forward' | 'backward' | 'none'): void {
    this.select(start, end);
    this.selectionDirection = direction;
  }

  select(start: number, end: number = start): void {
    this.selectionEnd = Math.min(end, this.#value.length);
    this.selectionStart = Math.min(start, this.selectionEnd);
    this.selectionDirection = 'none';
  }

  /** Types or pastes over the selection. */
  type(text: string): void {
    this.#replace(this.selectionStart, this.selectionEnd, text);
  }

  backspace(): void {
    const isCaret = this.selectionStart === this.selectionEnd;
    const start = Math.max(0, isCaret ? this.selectionStart - 1 : this.selectionStart);
    this.#replace(start, this.selectionEnd, '');
  }

  /** Replaces the `length` units before the caret, as an input method does with its unfinished word. */
  recompose(length: number, text: string): void {
    this.#replace(Math.max(0, this.selectionEnd - length), this.selectionEnd, text);
  }

  press(key: string, modifiers: { shiftKey?: boolean } = {}): Event {
    const event = Object.assign(new Event('keydown', { cancelable: true }), {
      key,
      ctrlKey: true,
      ...modifiers,
    });
    this.dispatchEvent(event);
    return event;
  }

  fire(type: 'compositionstart' | 'compositionend'): void {
    this.dispatchEvent(new Event(type));
  }

  #replace(start: number, end: number, text: string): void {
    this.#value = this.#value.slice(0, start) + text + this.#value.slice(end);
    this.select(start + text.length);
    this.dispatchEvent(new Event('input'));
  }
}
