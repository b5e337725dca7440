/** Runs `store-writer.ts` in a process of its own, listens to it, and kills it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { LevelStore } from '../../persistence/index.ts';
import {
  documentName,
  payload,
  type Ack,
  type Report,
  type WriterOptions,
} from './store-writer.ts';
import { waitUntil } from './wait-until.ts';

const WRITER = fileURLToPath(new URL('./store-writer.js', import.meta.url));

export class StoreProcess {
  readonly acks: Ack[] = [];
  readonly reports: Exclude<Report, Ack>[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = '';

  constructor(options: WriterOptions) {
    this.#child = spawn(process.execPath, [WRITER, JSON.stringify(options)]);
    onTestFinished(() => {
      this.#child.kill('SIGKILL');
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      if (!line.endsWith('}')) return; // cut off by the kill
      const report = JSON.parse(line) as Report;
      if (report.type === 'ack') this.acks.push(report);
      else this.reports.push(report);
    });
    this.#ended = Promise.all([once(this.#child, 'exit'), once(lines, 'close')]);
  }

  send(command: 'read' | 'stop'): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await waitUntil(what, () => {
      if (this.#child.exitCode !== null) throw new Error(`the writer ended: ${this.#stderr}`);
      return condition();
    });
  }

  /** `kill -9`; resolves when the process is gone and everything that it had said is read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }
}

/** Opens what is left, and returns the acknowledged updates that are not there, byte for byte. [I1] */
export async function findLost(
  folder: string,
  acks: readonly Ack[],
  options: WriterOptions,
): Promise<Ack[]> {
  const store = new LevelStore({ folder });
  await store.open();
  try {
    const found = new Map<string, Map<number, Uint8Array>>();
    for (let index = 0; index < options.documents; index++) {
      const name = documentName(index);
      const { tail } = await store.load(name);
      found.set(name, new Map(tail.map((update) => [update.seq, update.bytes])));
    }
    return acks.filter(({ name, seq }) => {
      const bytes = found.get(name)?.get(seq);
      const expected = payload(name, seq, options.payloadBytes);
      return bytes === undefined || Buffer.compare(bytes, expected) !== 0;
    });
  } finally {
    await store.close();
  }
}
