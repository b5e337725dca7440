/** Texts: as plain text, and as a Quill delta, `{"ops":[{"insert":…,"attributes":…}]}`. */
import * as Y from 'yjs';
import type { Output } from './output.ts';
import { jsonOf, writeType } from './render-json.ts';
import { listItems, type SharedType } from './whole-document.ts';

/** A stretch of a text under the same formatting. */
export interface Run {
  /** Sorted by name; no value is null. */
  readonly marks: readonly (readonly [string, unknown])[];
  /** Text; or one embedded thing. */
  readonly insert: string | Y.ContentEmbed | Y.ContentType;
}

/** Without formatting, without what is embedded. */
export function plainText(type: SharedType): string {
  const pieces: string[] = [];
  for (const { content } of listItems(type)) {
    if (content instanceof Y.ContentString) pieces.push(content.str);
  }
  return pieces.join('');
}

export function* runsOf(type: SharedType): Generator<Run> {
  let marks: Run['marks'] = [];
  let text: string[] = [];
  for (const { content } of listItems(type)) {
    if (content instanceof Y.ContentString) {
      text.push(content.str);
      continue;
    }
    const isEmbedded = content instanceof Y.ContentEmbed || content instanceof Y.ContentType;
    if (!isEmbedded && !(content instanceof Y.ContentFormat)) continue;
    if (text.length > 0) yield { marks, insert: text.join('') };
    text = [];
    if (isEmbedded) {
      yield { marks, insert: content };
      continue;
    }
    const { key } = content;
    const value: unknown = content.value;
    marks = marks.filter(([other]) => other !== key);
    if (value !== null) marks = [...marks, [key, value] as const].toSorted(byName);
  }
  if (text.length > 0) yield { marks, insert: text.join('') };
}

export function writeDelta(out: Output, type: SharedType): void {
  let separator = '{"ops":[';
  for (const { marks, insert } of joined(runsOf(type))) {
    out.write(`${separator}{"insert":`);
    if (typeof insert === 'string') out.write(JSON.stringify(insert));
    else if (insert instanceof Y.ContentEmbed) out.write(jsonOf(insert.embed));
    else writeType(out, insert.type);
    if (marks.length > 0) out.write(`,"attributes":${marksJson(marks)}`);
    out.write('}');
    separator = ',';
  }
  out.write(separator === ',' ? ']}' : '{"ops":[]}');
}

/** Marks that begin and end within a run of the same formatting leave one run. */
function* joined(runs: Iterable<Run>): Generator<Run> {
  let last: Run | null = null;
  for (const run of runs) {
    if (
      last !== null &&
      typeof last.insert === 'string' &&
      typeof run.insert === 'string' &&
      marksJson(last.marks) === marksJson(run.marks)
    ) {
      last = { marks: run.marks, insert: last.insert + run.insert };
    } else {
      if (last !== null) yield last;
      last = run;
    }
  }
  if (last !== null) yield last;
}

function marksJson(marks: Run['marks']): string {
  return `{${marks.map(([key, value]) => `${JSON.stringify(key)}:${jsonOf(value)}`).join(',')}}`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
