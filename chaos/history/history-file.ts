/**
 * A history on disk: JSON lines. Written in slices, without waiting; what is not yet flushed when the process dies is lost, and a line
 * that was cut short is left out by the reader.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { History, HistoryEvent } from './events.ts';

const SLICE_CHARS = 64 * 1024;

export class HistoryFile {
  readonly path: string;
  readonly #stream: WriteStream;
  #slice: string[] = [];
  #chars = 0;

  constructor(path: string) {
    this.path = path;
    this.#stream = createWriteStream(path);
  }

  /** A sink of HistoryRecorder. */
  readonly write = (event: HistoryEvent): void => {
    const line = `${JSON.stringify(event)}\n`;
    this.#slice.push(line);
    this.#chars += line.length;
    if (this.#chars >= SLICE_CHARS) this.#flush();
  };

  async close(): Promise<void> {
    this.#flush();
    this.#stream.end();
    await finished(this.#stream);
  }

  #flush(): void {
    if (this.#chars === 0) return;
    this.#stream.write(this.#slice.join(''));
    this.#slice = [];
    this.#chars = 0;
  }
}

/** @throws when a line other than the last is no event. */
export async function readHistory(path: string): Promise<History> {
  return parseHistory(await readFile(path, 'utf8'));
}

export function parseHistory(text: string): History {
  const lines = text.split('\n');
  const events: HistoryEvent[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const isLast = index === lines.length - 1;
    try {
      const event = JSON.parse(line) as HistoryEvent;
      if (typeof event.f !== 'string' || typeof event.mono !== 'number')
        throw new Error('no event');
      events.push(event);
    } catch (error) {
      if (!isLast) throw new Error(`line ${index + 1} of the history is damaged`, { cause: error });
    }
  }
  return events;
}
