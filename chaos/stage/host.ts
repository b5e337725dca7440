/**
 * Where a node runs: beside everything else on loopback, or as on a host of its own, in a network namespace with one interface
 * and a cable to here. When that interface goes down packets are lost as real ones are: nobody is told, TCP tries again and
 * waits longer each time, and whoever connects waits. A proxy, which holds the connections of both sides, can't show that.
 */
import { execFileSync } from 'node:child_process';
import type { Guard } from '../guard.ts';
import type { ProcessSpec } from '../processes.ts';

export interface Host {
  /** Of the node, as it is seen from here. */
  readonly address: string;
  /** Of everything else, as the node sees it. */
  readonly outside: string;
  /** Has a program run there. */
  place(spec: ProcessSpec): ProcessSpec;
}

export const LOOPBACK: Host = {
  address: '127.0.0.1',
  outside: '127.0.0.1',
  place: (spec) => spec,
};

const SUBNETS = 254;
const ATTEMPTS_MAX = 8;

let known: string | null | undefined;
let count = 0;

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Null: hosts of their own can be made here. */
export function hostObstacle(): string | null {
  if (known !== undefined) return known;
  const name = `syncline-${process.pid}-trial`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    known = null;
  } catch {
    known = 'no network namespace can be made here: needs root and ip (Debian: iproute2)';
  }
  return known;
}

export class NamespaceHost implements Host {
  readonly address: string;
  readonly outside: string;
  readonly #name: string;

  private constructor(name: string, subnet: string) {
    this.#name = name;
    this.outside = `${subnet}.1`;
    this.address = `${subnet}.2`;
  }

  /** The guard removes it. @throws Error when it can't be made here */
  static create(guard: Guard): NamespaceHost {
    count += 1;
    const name = `syncline-${process.pid}-${count}`;
    // Names of interfaces have 15 characters at most.
    const cable = `sl${process.pid}-${count}`;
    guard.watchNamespace(name);
    ip('netns', 'add', name);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    for (let attempt = 1; ; attempt += 1) {
      const subnet = `10.213.${1 + Math.floor(Math.random() * SUBNETS)}`;
      const host = new NamespaceHost(name, subnet);
      try {
        ip('address', 'add', `${host.outside}/30`, 'dev', cable);
        ip('-n', name, 'address', 'add', `${host.address}/30`, 'dev', 'eth0');
        ip('-n', name, 'link', 'set', 'lo', 'up');
        ip('-n', name, 'link', 'set', 'eth0', 'up');
        ip('link', 'set', cable, 'up');
        return host;
      } catch (error) {
        // Somebody else has that subnet.
        if (attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  place(spec: ProcessSpec): ProcessSpec {
    const args = ['netns', 'exec', this.#name, spec.command, ...spec.args];
    return { ...spec, command: 'ip', args };
  }

  /** Its side, not ours: without a route what is for it would take the default one, out of this machine. */
  set(state: 'up' | 'down'): void {
    ip('-n', this.#name, 'link', 'set', 'eth0', state);
  }
}
