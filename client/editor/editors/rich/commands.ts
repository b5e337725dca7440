/** The commands of the toolbar: what they are called, when they hold, what they do. */
import type { ChainedCommands, Editor } from '@tiptap/core';
import {
  Bold,
  Code,
  Columns3,
  Image,
  Italic,
  Link,
  List,
  ListChecks,
  ListOrdered,
  Minus,
  Redo2,
  Rows3,
  SquareCode,
  Strikethrough,
  Table,
  TableColumnsSplit,
  TableRowsSplit,
  TextQuote,
  Trash2,
  Underline,
  Undo2,
  type LucideIcon,
} from 'lucide-preact';

export interface Command {
  readonly label: string;
  readonly icon: LucideIcon;
  readonly keys?: string;
  readonly isActive?: boolean;
  readonly isEnabled?: boolean;
  readonly run: () => void;
}

export interface CommandGroup {
  readonly label: string;
  readonly commands: readonly Command[];
}

interface Block {
  readonly name: string;
  readonly label: string;
  readonly run: (editor: Editor) => void;
}

export const BLOCKS: readonly Block[] = [
  { name: 'text', label: 'Text', run: (editor) => editor.chain().focus().setParagraph().run() },
  ...([1, 2, 3] as const).map((level) => ({
    name: `heading-${level}`,
    label: `Heading ${level}`,
    run: (editor: Editor) => editor.chain().focus().setHeading({ level }).run(),
  })),
];

export function blockOf(editor: Editor): string {
  for (const level of [1, 2, 3]) {
    if (editor.isActive('heading', { level })) return `heading-${level}`;
  }
  return 'text';
}

export function groups(
  editor: Editor,
  ask: (kind: 'link' | 'picture') => void,
): readonly CommandGroup[] {
  const chain = (): ChainedCommands => editor.chain().focus();
  return [
    {
      label: 'Characters',
      commands: [
        mark(editor, 'Bold', Bold, 'bold', 'Mod B', () => chain().toggleBold()),
        mark(editor, 'Italic', Italic, 'italic', 'Mod I', () => chain().toggleItalic()),
        mark(editor, 'Underline', Underline, 'underline', 'Mod U', () => chain().toggleUnderline()),
        mark(editor, 'Strike through', Strikethrough, 'strike', 'Mod Shift S', () =>
          chain().toggleStrike(),
        ),
        mark(editor, 'Code', Code, 'code', 'Mod E', () => chain().toggleCode()),
        {
          label: 'Link',
          icon: Link,
          keys: 'Mod K',
          isActive: editor.isActive('link'),
          run: () => ask('link'),
        },
      ],
    },
    {
      label: 'Paragraphs',
      commands: [
        mark(editor, 'List', List, 'bulletList', 'Mod Shift 8', () => chain().toggleBulletList()),
        mark(editor, 'Numbered list', ListOrdered, 'orderedList', 'Mod Shift 7', () =>
          chain().toggleOrderedList(),
        ),
        mark(editor, 'Tasks', ListChecks, 'taskList', 'Mod Shift 9', () =>
          chain().toggleTaskList(),
        ),
        mark(editor, 'Quote', TextQuote, 'blockquote', 'Mod Shift B', () =>
          chain().toggleBlockquote(),
        ),
        mark(editor, 'Code block', SquareCode, 'codeBlock', 'Mod Alt C', () =>
          chain().toggleCodeBlock(),
        ),
      ],
    },
    editor.isActive('table') ? tableGroup(chain) : insertGroup(chain, ask),
    {
      label: 'Your changes',
      commands: [
        {
          label: 'Undo',
          icon: Undo2,
          keys: 'Mod Z',
          isEnabled: editor.can().undo(),
          run: () => chain().undo().run(),
        },
        {
          label: 'Redo',
          icon: Redo2,
          keys: 'Mod Shift Z',
          isEnabled: editor.can().redo(),
          run: () => chain().redo().run(),
        },
      ],
    },
  ];
}

function insertGroup(
  chain: () => ChainedCommands,
  ask: (kind: 'link' | 'picture') => void,
): CommandGroup {
  return {
    label: 'Insert',
    commands: [
      {
        label: 'Table',
        icon: Table,
        run: () => chain().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).run(),
      },
      { label: 'Picture', icon: Image, run: () => ask('picture') },
      { label: 'Line', icon: Minus, run: () => chain().setHorizontalRule().run() },
    ],
  };
}

function tableGroup(chain: () => ChainedCommands): CommandGroup {
  return {
    label: 'Table',
    commands: [
      { label: 'Row below', icon: Rows3, run: () => chain().addRowAfter().run() },
      { label: 'Column to the right', icon: Columns3, run: () => chain().addColumnAfter().run() },
      { label: 'Delete row', icon: TableRowsSplit, run: () => chain().deleteRow().run() },
      { label: 'Delete column', icon: TableColumnsSplit, run: () => chain().deleteColumn().run() },
      { label: 'Delete table', icon: Trash2, run: () => chain().deleteTable().run() },
    ],
  };
}

function mark(
  editor: Editor,
  label: string,
  icon: Command['icon'],
  name: string,
  keys: string,
  toggle: () => ChainedCommands,
): Command {
  return { label, icon, keys, isActive: editor.isActive(name), run: () => toggle().run() };
}
