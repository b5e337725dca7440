/**
 * What is to be done once the sockets of this turn of the event loop have been read: rooms flush, then what they have
 * published leaves in one write. In Node's own queue the write would come a whole turn after the flushes that fill it.
 */
type Callback = () => void;

let flushes: Callback[] = [];
let ends: Callback[] = [];
let isRunning = false;
let isQueued = false;

/** Runs the callback when what is being read from sockets now has been read. */
export function afterReads(callback: Callback): void {
  flushes.push(callback);
  queue();
}

/** Runs the callback behind everything that `afterReads` was given for this turn; while that runs, right after it. */
export function atEndOfTurn(callback: Callback): void {
  ends.push(callback);
  if (!isRunning) queue();
}

function queue(): void {
  if (isQueued) return;
  isQueued = true;
  setImmediate(run);
}

function run(): void {
  isQueued = false;
  isRunning = true;
  const now = flushes;
  // What these ask for is done in the next turn: sockets are read in between.
  flushes = [];
  try {
    runEach(now, flushes);
  } finally {
    isRunning = false;
    const last = ends;
    ends = [];
    runEach(last, ends);
  }
}

/** What throws is reported like any uncaught error; what is behind it is done in the next turn. */
function runEach(callbacks: readonly Callback[], next: Callback[]): void {
  let done = 0;
  try {
    for (const callback of callbacks) {
      done += 1;
      callback();
    }
  } finally {
    if (done < callbacks.length) {
      next.unshift(...callbacks.slice(done));
      queue();
    }
  }
}
