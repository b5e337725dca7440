/**
 * The stage of a chaos run: regions with a Redis and nodes each, and a fault proxy on every link: before every node for
 * its clients, and between every node and every Redis that it talks to. Processes keep their addresses when they are
 * killed and started again. Nothing of it outlives the process that started it (guard.ts).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Guard } from '../guard.ts';
import { freePorts, WatchedProcess, type ProcessObserver } from '../processes.ts';
import { redisProgram, requireRedis, type Env } from '../programs.ts';
import { LinkProxy } from '../proxies/link-proxy.ts';
import type { Random } from '../random.ts';
import { LOOPBACK, NamespaceHost } from './host.ts';
import { Seat } from './seat.ts';

const REGION_NAMES = ['eu', 'us', 'ap', 'sa', 'ca'] as const;

export interface StageOptions {
  readonly regions: number;
  /** In each region. */
  readonly nodes: number;
  readonly random: Random;
  /** Data, one folder a node, below it. */
  readonly folder: string;
  /** server/main.js of the build that is tried. */
  readonly serverMain: string | null;
  readonly env: Env;
  /** The first node is on a host of its own (host.ts). */
  readonly isFirstApart?: boolean;
}

export interface StageRegion {
  readonly name: string;
  readonly redis: WatchedProcess;
  readonly redisPort: number;
}

export class Stage {
  readonly regions: readonly StageRegion[];
  readonly seats: readonly Seat[];
  readonly guard: Guard;
  readonly #options: StageOptions;
  readonly #observer: ProcessObserver;
  readonly #extraLinks: LinkProxy[] = [];

  private constructor(
    options: StageOptions,
    guard: Guard,
    observer: ProcessObserver,
    regions: readonly StageRegion[],
    seats: readonly Seat[],
  ) {
    this.#options = options;
    this.#observer = observer;
    this.guard = guard;
    this.regions = regions;
    this.seats = seats;
  }

  /** @throws MissingProgram; and whatever a program said that did not start, after everything else was ended */
  static async start(options: StageOptions, observer: ProcessObserver = {}): Promise<Stage> {
    const command = requireRedis();
    const ports = await freePorts(options.regions * (options.nodes + 1));
    const guard = new Guard();
    guard.watchFolder(options.folder);
    const regions = Array.from({ length: options.regions }, (_, index): StageRegion => {
      const name = REGION_NAMES[index] ?? `region-${index + 1}`;
      const redisPort = ports.pop() ?? 0;
      const spec = redisProgram(command, `${name}-redis`, redisPort);
      return { name, redis: new WatchedProcess(spec, guard, observer), redisPort };
    });
    const seats: Seat[] = [];
    for (const region of regions) {
      for (let position = 1; position <= options.nodes; position += 1) {
        const id = `${region.name}-${position}`;
        const dataDir = join(options.folder, id);
        mkdirSync(dataDir, { recursive: true });
        // Own region first: a node publishes there.
        const places = [region, ...regions.filter((other) => other !== region)];
        seats.push(
          await Seat.create({
            id,
            region: region.name,
            port: ports.pop() ?? 0,
            dataDir,
            redisPorts: places.map(({ name, redisPort }) => ({ region: name, port: redisPort })),
            serverMain: options.serverMain,
            env: options.env,
            host:
              options.isFirstApart === true && seats.length === 0
                ? NamespaceHost.create(guard)
                : LOOPBACK,
            random: options.random,
            guard,
            observer,
          }),
        );
      }
    }
    const stage = new Stage(options, guard, observer, regions, seats);
    try {
      await Promise.all(regions.map(async ({ redis }) => await redis.start()));
      await Promise.all(seats.map(async (seat) => await seat.start()));
    } catch (error) {
      await stage.kill();
      throw error;
    }
    return stage;
  }

  seat(index: number): Seat {
    const seat = this.seats[index % this.seats.length];
    if (seat === undefined) throw new RangeError('a stage without nodes');
    return seat;
  }

  region(index: number): StageRegion {
    const region = this.regions[index % this.regions.length];
    if (region === undefined) throw new RangeError('a stage without regions');
    return region;
  }

  /** Another way to a node, for clients whose link is not that of the others. */
  async linkTo(seat: Seat, name: string): Promise<LinkProxy> {
    const link = await LinkProxy.start({
      name,
      port: seat.port,
      host: seat.host.address,
      random: this.#options.random.fraction,
    });
    this.#extraLinks.push(link);
    return link;
  }

  watched(spec: ConstructorParameters<typeof WatchedProcess>[0]): WatchedProcess {
    return new WatchedProcess(spec, this.guard, this.#observer);
  }

  /** Nothing is broken any more, as far as links go. */
  healLinks(): void {
    for (const seat of this.seats) seat.healLinks();
    for (const link of this.#extraLinks) link.heal();
  }

  /** At once: its data was looked at before. */
  async kill(): Promise<void> {
    // Links first: Node leaves the handle of a socket open that it resets when the other side has gone.
    await Promise.all(this.seats.map(async (seat) => await seat.closeLinks()));
    await Promise.all(this.#extraLinks.map(async (link) => await link.close()));
    await Promise.all(this.seats.map(async (seat) => await seat.kill()));
    await Promise.all(this.regions.map(async ({ redis }) => await redis.kill()));
    await this.guard.end();
  }
}
