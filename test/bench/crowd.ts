/** The benchmark's side of the crowd: starts the child process and asks it things, one answer a question. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CrowdAnswers, CrowdReply, CrowdRequest } from './crowd-protocol.ts';

/** Longer than any workload lets its crowd work: milliseconds. */
const ANSWER_TIMEOUT_MS = 180_000;

interface Waiting {
  readonly resolve: (answer: CrowdAnswers[keyof CrowdAnswers]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Crowd {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('crowd-main.js', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (reply: CrowdReply) => this.#receive(reply));
    this.#child.on('exit', () => this.#fail(new Error('the crowd has died')));
  }

  async ask<Do extends CrowdRequest['do']>(
    request: Extract<CrowdRequest, { do: Do }>,
  ): Promise<CrowdAnswers[Do]> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`the crowd did not ${request.do} within ${ANSWER_TIMEOUT_MS} ms`));
      }, ANSWER_TIMEOUT_MS);
      // The id ties the answer to the question, and the question's kind fixes the answer's type.
      const accept = resolve as Waiting['resolve'];
      this.#waiting.set(id, { resolve: accept, reject, timer });
      this.#child.send({ id, request });
    });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
  }

  #receive(reply: CrowdReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    clearTimeout(waiting.timer);
    if ('error' in reply) waiting.reject(new Error(reply.error));
    else waiting.resolve(reply.answer);
  }

  #fail(error: Error): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}
