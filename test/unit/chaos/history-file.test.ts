/** Histories survive their way to disk and back. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HistoryFile, parseHistory, readHistory } from '../../../chaos/history/history-file.ts';
import { HistoryRecorder } from '../../../chaos/history/recorder.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('a history file', () => {
  it('gives back what was recorded, stamped, but for a last line that was cut short', async () => {
    const path = join(tempDir(), 'history.jsonl');
    const file = new HistoryFile(path);
    let mono = 0;
    const recorder = new HistoryRecorder({ mono: () => (mono += 1), wall: () => 7 }, file.write);
    for (let count = 0; count < 3_000; count += 1) {
      recorder.record('driver', {
        f: 'seen',
        session: 's',
        node: 'a',
        doc: 'd',
        ids: [`e${count}`],
      });
    }
    recorder.record('driver', { f: 'mark', name: 'end' }, 2.5);
    await file.close();
    await appendFile(path, '{"f":"mark","na');
    const history = await readHistory(path);
    expect(history).toEqual(recorder.history);
    expect(history.at(-1)).toEqual({ t: 7, mono: 2.5, proc: 'driver', f: 'mark', name: 'end' });
  });

  it('refuses a damaged line in the middle', () => {
    expect(() => parseHistory('{"f":"mark","mono":1}\n{"f":\n{"f":"mark","mono":2}\n')).toThrow(
      'line 2 of the history is damaged',
    );
  });
});
