/** Where the work stands: a bar on a terminal, a line a step elsewhere. On stderr: stdout is for results. */
import { type Bar, Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** The next of `total` steps begins. */
  step(name: string): void;
  phase(phase: string): void;
  end(): void;
}

export function startProgress(total: number): Progress {
  return process.stderr.isTTY ? startBar(total) : startLines(total);
}

function startBar(total: number): Progress {
  const bar: Bar = new SingleBar(
    {
      format: '{bar} {value}/{total} {name}: {phase} · {duration_formatted}',
      stream: process.stderr,
      hideCursor: true,
      barsize: 24,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { name: '', phase: '' });
  let begun = 0;
  return {
    step: (name) => bar.update(begun++, { name, phase: 'starting' }),
    phase: (phase) => bar.update({ phase }),
    end: () => {
      bar.update(total, { name: 'done', phase: '' });
      bar.stop();
    },
  };
}

function startLines(total: number): Progress {
  let begun = 0;
  return {
    step: (name) => process.stderr.write(`[${++begun}/${total}] ${name}\n`),
    phase: () => undefined,
    end: () => undefined,
  };
}
