/** A panel beside the document. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { X } from 'lucide-preact';
import { useApp } from './context.ts';

export function Panel(props: {
  readonly title: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { panel } = useApp();
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const { current } = close;
    current?.focus();
    return () => {
      // What had the focus in here is gone by now, or about to go.
      const { activeElement } = document;
      const isLost =
        activeElement === document.body ||
        current?.closest('.panel')?.contains(activeElement) === true;
      if (isLost && before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <aside class="panel" aria-label={props.title}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        <button
          ref={close}
          type="button"
          class="icon-button"
          aria-label={`Close ${props.title.toLowerCase()}`}
          onClick={() => (panel.value = null)}
        >
          <X aria-hidden="true" />
        </button>
      </header>
      {props.children}
    </aside>
  );
}
