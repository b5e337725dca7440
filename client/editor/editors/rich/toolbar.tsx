/** What can be done with the selection. One stop of Tab; arrows move within it, Escape goes back to the text. */
import type { Editor } from '@tiptap/core';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isMod, keyWords } from '../../app/keys.ts';
import { groups, blockOf, BLOCKS, type Command } from './commands.ts';
import { AddressDialog, type AddressKind } from './address-dialog.tsx';

const BLOCK_LABEL = 'Kind of paragraph';

export function Toolbar({ editor }: { readonly editor: Editor }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  const [, redraw] = useState(0);
  const [asked, setAsked] = useState<AddressKind | null>(null);
  /** What Tab comes to: the label of a button, or that of the select. */
  const [stop, setStop] = useState(BLOCK_LABEL);
  useEffect(() => {
    let frame = 0;
    // Others' edits come in bursts: once a frame is enough for buttons.
    const plan = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        redraw((count) => count + 1);
      });
    };
    editor.on('transaction', plan);
    const toBar = (event: KeyboardEvent): void => {
      if (event.altKey && event.key === 'F10') {
        bar.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
      }
      if (isMod(event) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        event.stopPropagation();
        setAsked('link');
      }
    };
    editor.view.dom.addEventListener('keydown', toBar);
    return () => {
      editor.off('transaction', plan);
      cancelAnimationFrame(frame);
      if (!editor.isDestroyed) editor.view.dom.removeEventListener('keydown', toBar);
    };
  }, [editor]);
  const shown = groups(editor, setAsked);
  const isThere = shown.some(({ commands }) => commands.some(({ label }) => label === stop));
  return (
    <>
      <div
        ref={bar}
        class="toolbar"
        role="toolbar"
        aria-label="Formatting"
        aria-controls="document"
        onFocusIn={({ target }) => {
          if (target instanceof Element) setStop(target.getAttribute('aria-label') ?? BLOCK_LABEL);
        }}
        onKeyDown={(event) => moveWithin(bar.current, event, () => editor.commands.focus())}
      >
        <BlockSelect editor={editor} isStop={!isThere} />
        {shown.map((group) => (
          <div class="tool-group" role="group" aria-label={group.label} key={group.label}>
            {group.commands.map((command) => (
              <ToolButton key={command.label} command={command} isStop={command.label === stop} />
            ))}
          </div>
        ))}
      </div>
      {asked !== null && (
        <AddressDialog
          kind={asked}
          editor={editor}
          onClose={() => {
            setAsked(null);
            editor.commands.focus();
          }}
        />
      )}
    </>
  );
}

function BlockSelect(props: { readonly editor: Editor; readonly isStop: boolean }): JSX.Element {
  const { editor, isStop } = props;
  return (
    <select
      aria-label={BLOCK_LABEL}
      tabIndex={isStop ? 0 : -1}
      value={blockOf(editor)}
      onChange={(event) => {
        BLOCKS.find(({ name }) => name === event.currentTarget.value)?.run(editor);
        editor.commands.focus();
      }}
    >
      {BLOCKS.map(({ name, label }) => (
        <option key={name} value={name}>
          {label}
        </option>
      ))}
    </select>
  );
}

function ToolButton(props: { readonly command: Command; readonly isStop: boolean }): JSX.Element {
  const { command, isStop } = props;
  const Icon = command.icon;
  return (
    <button
      type="button"
      class="tool"
      tabIndex={isStop ? 0 : -1}
      aria-label={command.label}
      title={
        command.keys === undefined ? command.label : `${command.label} (${keyWords(command.keys)})`
      }
      aria-pressed={command.isActive}
      aria-disabled={command.isEnabled === false}
      // The selection stays where it is.
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => {
        if (command.isEnabled !== false) command.run();
      }}
    >
      <Icon aria-hidden="true" />
    </button>
  );
}

function moveWithin(bar: HTMLElement | null, event: KeyboardEvent, leave: () => void): void {
  const stops = [...(bar?.querySelectorAll<HTMLElement>('select, button') ?? [])];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  if (at === -1) return;
  if (event.key === 'Escape') {
    event.stopPropagation();
    leave();
    return;
  }
  const isSelect = stops[at] instanceof HTMLSelectElement;
  const to: Record<string, number> = {
    ArrowRight: (at + 1) % stops.length,
    ArrowLeft: (at - 1 + stops.length) % stops.length,
    ...(isSelect ? {} : { Home: 0, End: stops.length - 1 }),
  };
  const next = to[event.key];
  if (next === undefined) return;
  event.preventDefault();
  stops[next]?.focus();
}
