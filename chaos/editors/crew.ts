/** The driver's side of a process of editors. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Guard } from '../guard.ts';
import type { Answer, CrewPlan, Order, Report } from './orders.ts';

const MAIN = fileURLToPath(new URL('./crew-main.js', import.meta.url));
const ANSWER_TIMEOUT_MS = 30_000;

interface Waiting {
  readonly resolve: (report: Report) => void;
  readonly reject: (error: Error) => void;
}

export class Crew {
  readonly plan: CrewPlan;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(plan: CrewPlan, child: ChildProcess) {
    this.plan = plan;
    this.#child = child;
    child.on('message', (message) => {
      const answer = message as Answer;
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.ok) waiting?.resolve(answer.report);
      else waiting?.reject(new Error(`${plan.proc}: ${answer.error}`));
    });
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${plan.proc} is gone`));
      this.#waiting.clear();
    });
  }

  static async open(plan: CrewPlan, guard: Guard): Promise<Crew> {
    const child = fork(MAIN, { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const { pid } = child;
    if (pid !== undefined) {
      guard.watch(pid);
      child.once('exit', () => {
        guard.release(pid);
      });
    }
    const crew = new Crew(plan, child);
    await crew.order({ do: 'open', plan });
    return crew;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async order(order: Order): Promise<Report> {
    if (!this.isRunning) throw new Error(`${this.plan.proc} is gone`);
    const id = this.#nextId;
    this.#nextId += 1;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${this.plan.proc} did not answer "${order.do}"`));
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, {
        resolve: (report) => {
          clearTimeout(timer);
          resolve(report);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.send({ ...order, id });
    });
  }

  /** The history is written out first; then nothing of these editors is left. */
  async destroy(): Promise<Report | null> {
    if (!this.isRunning) return null;
    const report = await this.order({ do: 'end' });
    await this.kill();
    return report;
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
