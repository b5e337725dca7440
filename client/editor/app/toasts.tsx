/** Short messages at the foot of the page, with at most one thing to do about each. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { JSX } from 'preact';

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

/** Long enough to read and to reach for the button: milliseconds. */
export const TOAST_MS = 8_000;

export class Toasts {
  readonly #list: Signal<readonly Toast[]> = signal([]);
  #nextId = 1;

  get list(): ReadonlySignal<readonly Toast[]> {
    return this.#list;
  }

  show(text: string, action: Toast['action'] = null): number {
    const id = this.#nextId++;
    this.#list.value = [...this.#list.value, { id, text, action }];
    setTimeout(() => this.hide(id), TOAST_MS);
    return id;
  }

  hide(id: number): void {
    this.#list.value = this.#list.value.filter((toast) => toast.id !== id);
  }
}

export function ToastList({ toasts }: { readonly toasts: Toasts }): JSX.Element {
  return (
    <div class="toasts" role="status">
      {toasts.list.value.map(({ id, text, action }) => (
        <div class="toast" key={id}>
          <span>{text}</span>
          {action !== null && (
            <button
              type="button"
              onClick={() => {
                toasts.hide(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
