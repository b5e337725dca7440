/**
 * Arithmetic on the changes that Y.Text reports (`event.delta`): what the text is afterwards, and where an
 * offset into it has moved. One unit of a Y.Text is one unit of the string here, embedded objects included,
 * so that offsets mean the same on both sides.
 */

/** Structurally Y.YTextEvent's delta. */
export type TextChange = ReadonlyArray<{
  readonly retain?: number;
  readonly delete?: number;
  readonly insert?: unknown;
}>;

/** What a text field shows for an embedded object: it has no text. */
const EMBED = '\uFFFC';
/** For a carriage return, which a text field would drop, and with it every offset behind it. */
const CARRIAGE_RETURN = '\u200B';

function shownText(insert: unknown): string {
  return typeof insert === 'string' ? insert.replaceAll('\r', CARRIAGE_RETURN) : EMBED;
}

export function applyChange(text: string, change: TextChange): string {
  let result = '';
  let at = 0;
  for (const op of change) {
    if (op.insert !== undefined) {
      result += shownText(op.insert);
    } else if (op.delete !== undefined) {
      at += op.delete;
    } else {
      result += text.slice(at, at + (op.retain ?? 0));
      at += op.retain ?? 0;
    }
  }
  return result + text.slice(at);
}

/** Which side of an insertion at the very offset it ends up on. */
export type Side = 'before' | 'after';

/** Where `offset` is after the change. Offsets in deleted text move to where it was. */
export function mapOffset(offset: number, change: TextChange, side: Side): number {
  let mapped = offset;
  let at = 0;
  for (const op of change) {
    if (at > mapped) break;
    if (op.insert !== undefined) {
      const { length } = shownText(op.insert);
      if (at < mapped || side === 'after') mapped += length;
      at += length;
    } else if (op.delete !== undefined) {
      mapped = Math.max(at, mapped - op.delete);
    } else {
      at += op.retain ?? 0;
    }
  }
  return mapped;
}

/** The end of the last thing that the change did: where a caret belongs after undo. */
export function endOfChange(change: TextChange): number {
  let at = 0;
  let end = 0;
  for (const op of change) {
    if (op.insert !== undefined) at += shownText(op.insert).length;
    else if (op.delete === undefined) at += op.retain ?? 0;
    if (op.retain === undefined) end = at;
  }
  return end;
}
