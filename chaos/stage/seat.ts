/** The place of one node: its process, its folder, and the links around it. The process comes and goes; the rest stays. */
import { WatchedProcess, type ProcessObserver, type ProcessSpec } from '../processes.ts';
import type { Guard } from '../guard.ts';
import { nodeProgram, type Env } from '../programs.ts';
import { BusTap } from '../proxies/bus-tap.ts';
import { LinkProxy } from '../proxies/link-proxy.ts';
import type { Random } from '../random.ts';
import type { Host } from './host.ts';

export interface SeatOptions {
  readonly id: string;
  readonly region: string;
  readonly port: number;
  readonly dataDir: string;
  /** The own region's first. */
  readonly redisPorts: readonly { readonly region: string; readonly port: number }[];
  readonly serverMain: string | null;
  readonly env: Env;
  readonly host: Host;
  readonly random: Random;
  readonly guard: Guard;
  readonly observer: ProcessObserver;
}

export interface BusLink {
  /** Whose Redis. */
  readonly region: string;
  readonly link: LinkProxy;
  readonly tap: BusTap;
}

/** How a node may be started differently: behind strace, of another build, with other options. */
export interface StartVariant {
  readonly env?: Env;
  readonly serverMain?: string;
  readonly wrap?: (spec: ProcessSpec) => ProcessSpec;
}

export class Seat {
  readonly id: string;
  readonly region: string;
  readonly port: number;
  readonly dataDir: string;
  readonly host: Host;
  readonly clientLink: LinkProxy;
  readonly busLinks: readonly BusLink[];
  readonly #options: SeatOptions;
  #process: WatchedProcess;

  private constructor(options: SeatOptions, clientLink: LinkProxy, busLinks: readonly BusLink[]) {
    this.#options = options;
    this.id = options.id;
    this.region = options.region;
    this.port = options.port;
    this.dataDir = options.dataDir;
    this.host = options.host;
    this.clientLink = clientLink;
    this.busLinks = busLinks;
    this.#process = this.#watched({});
  }

  static async create(options: SeatOptions): Promise<Seat> {
    const { id, port, redisPorts, host, random } = options;
    const clientLink = await LinkProxy.start({
      name: `clients → ${id}`,
      port,
      host: host.address,
      random: random.fraction,
    });
    const busLinks = await Promise.all(
      redisPorts.map(async ({ region, port: redisPort }) => {
        const tap = new BusTap(random.fraction);
        const link = await LinkProxy.start({
          name: `${id} → redis ${region}`,
          port: redisPort,
          bind: host.outside,
          random: random.fraction,
          makeTaps: tap.makeTaps,
        });
        return { region, link, tap };
      }),
    );
    return new Seat(options, clientLink, busLinks);
  }

  get process(): WatchedProcess {
    return this.#process;
  }

  /** Past the proxy: for looking, not for editing. */
  get url(): string {
    return `http://${this.host.address}:${this.port}`;
  }

  /** Through the proxy. */
  get clientUrl(): string {
    return `http://127.0.0.1:${this.clientLink.port}`;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  async start(variant: StartVariant = {}): Promise<void> {
    this.#process = this.#watched(variant);
    await this.#process.start();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  healLinks(): void {
    this.clientLink.heal();
    for (const { link, tap } of this.busLinks) {
      tap.clear();
      link.heal();
    }
  }

  async closeLinks(): Promise<void> {
    await Promise.all([
      this.clientLink.close(),
      ...this.busLinks.map(async ({ link }) => await link.close()),
    ]);
  }

  #watched({ env, serverMain, wrap }: StartVariant): WatchedProcess {
    const { id, region, port, dataDir, host, guard, observer } = this.#options;
    const urlOf = ({ link }: BusLink): string => `redis://${host.outside}:${link.port}`;
    const [own, ...others] = this.busLinks;
    const spec = nodeProgram(
      id,
      port,
      {
        HOST: host.address,
        NODE_ID: id,
        REGION: region,
        DATA_DIR: dataDir,
        LOG_LEVEL: 'warn',
        ...(own === undefined ? {} : { REDIS_URL: urlOf(own) }),
        REGIONS: others.map((other) => `${other.region}=${urlOf(other)}`).join(','),
        ...this.#options.env,
        ...env,
      },
      serverMain ?? this.#options.serverMain ?? undefined,
    );
    return new WatchedProcess(host.place(wrap?.(spec) ?? spec), guard, observer);
  }
}
