/** A panel beside the document. */
import type { ComponentChildren, JSX } from 'preact';
import { X } from 'lucide-preact';
import { useApp } from './context.ts';

export function Panel(props: {
  readonly title: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { panel } = useApp();
  return (
    <aside class="panel" aria-label={props.title}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        <button
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
