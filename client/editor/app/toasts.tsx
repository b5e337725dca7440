/**
 * Short messages at the foot of the page, with at most one thing to do about each. One goes by itself, but not while
 * somebody points at it or has come to it by keyboard; one that says what went wrong stands until it is closed.
 */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from './context.ts';

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action: ToastAction | null;
}

export interface ToastAction {
  readonly label: string;
  readonly run: () => void;
}

/** Long enough to read and to reach for the button: milliseconds. */
const TOAST_MS = 8_000;

export class Toasts {
  readonly #list: Signal<readonly Toast[]> = signal([]);
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  readonly #endings = new Map<number, () => void>();
  #nextId = 1;

  get list(): ReadonlySignal<readonly Toast[]> {
    return this.#list;
  }

  /** `onGone`: after its action, too. */
  show(text: string, action: ToastAction | null = null, onGone: () => void = () => {}): void {
    const id = this.#add(text, action);
    this.#endings.set(id, onGone);
    this.release(id);
  }

  complain(text: string): void {
    this.#add(text, { label: 'Close', run: () => {} });
  }

  /** It stays until it is released. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
  }

  release(id: number): void {
    if (!this.#endings.has(id)) return;
    this.hold(id);
    this.#timers.set(
      id,
      setTimeout(() => this.hide(id), TOAST_MS),
    );
  }

  hide(id: number): void {
    this.hold(id);
    this.#timers.delete(id);
    this.#list.value = this.#list.value.filter((toast) => toast.id !== id);
    const onGone = this.#endings.get(id);
    this.#endings.delete(id);
    onGone?.();
  }

  #add(text: string, action: ToastAction | null): number {
    const id = this.#nextId++;
    this.#list.value = [...this.#list.value, { id, text, action }];
    return id;
  }
}

export function ToastList({ toasts }: { readonly toasts: Toasts }): JSX.Element {
  return (
    <div class="toasts" role="status">
      {toasts.list.value.map((toast) => (
        <ToastLine key={toast.id} toast={toast} toasts={toasts} />
      ))}
    </div>
  );
}

function ToastLine(props: { readonly toast: Toast; readonly toasts: Toasts }): JSX.Element {
  const { session } = useApp();
  const { toast, toasts } = props;
  const { id, text, action } = toast;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const { current } = button;
    // What it is about has taken the focus with it: whoever uses the keyboard goes on here, and from here to the text.
    if (document.activeElement === document.body) current?.focus();
    return () => {
      if (document.activeElement === current) session.peek()?.view?.focus();
    };
  }, []);
  return (
    <div
      class="toast"
      onPointerEnter={() => toasts.hold(id)}
      onPointerLeave={() => toasts.release(id)}
      onFocusIn={(event) => {
        if (event.currentTarget.matches(':has(:focus-visible)')) toasts.hold(id);
      }}
      onFocusOut={() => toasts.release(id)}
    >
      <span>{text}</span>
      {action !== null && (
        <button
          ref={button}
          type="button"
          onClick={() => {
            action.run();
            toasts.hide(id);
          }}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}
