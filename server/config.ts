/**
 * Configuration: from environment variables and from an embedding program to a frozen `Config`, and the table of
 * options as people read it (`--help`, docs/OPERATIONS.md). Nothing else reads the environment.
 */
import { problemsOfKeys } from './access/key-config.ts';
import { problemsOfPlaces } from './fanout/places.ts';
import { problemsOfWebhooks } from './webhooks/settings.ts';
import { OPTIONS, defaults, type Config } from './options.ts';
import { GIB, MIB, type Kind, type Option } from './options/option.ts';
import { problemsOfTracing } from './options/tracing-options.ts';

/** Every problem of a configuration in one error: fix all, start once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

const KEY_OPTIONS = ['jwtSecret', 'jwtPublicKey', 'jwksUrl'] as const;

/** Fills in defaults and checks what belongs together. @throws ConfigError */
export function makeConfig(given: Partial<Config>): Config {
  const hasKey = KEY_OPTIONS.some((key) => (given[key] ?? null) !== null);
  const config: Config = { ...defaults(), ...(hasKey ? { auth: 'jwt' } : {}), ...given };
  const problems: string[] = [
    ...problemsOfKeys(config),
    ...problemsOfWebhooks(config),
    ...problemsOfPlaces(config),
    ...problemsOfTracing(config),
  ];
  for (const option of OPTIONS) {
    const { kind } = option;
    const value = config[option.key];
    if ('min' in kind && typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < kind.min || value > kind.max) {
        problems.push(`${option.env} must be a whole number from ${kind.min} to ${kind.max}`);
      }
    }
  }
  if (config.auth === 'loopback' && !LOOPBACK.test(config.host)) {
    problems.push(
      `HOST=${config.host} is not a loopback address and there is no access control: configure a key (JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL), or set AUTH=none to accept that anybody who reaches it may read and write`,
    );
  }
  if (config.ack === 'replicated' && config.redisUrl === null) {
    problems.push('ACK=replicated needs REDIS_URL: there is no other region to wait for');
  }
  if (config.sendBufferBytes > config.sendBufferBytesMax) {
    problems.push('SEND_BUFFER_BYTES must not exceed SEND_BUFFER_BYTES_MAX');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** Reads the options from environment variables; an empty variable counts as unset. @throws ConfigError */
export function configFromEnv(env: Readonly<Record<string, string | undefined>>): Partial<Config> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const option of OPTIONS) {
    const text = env[option.env]?.trim();
    if (text === undefined || text === '') continue;
    const parsed = parseValue(option, text);
    if ('problem' in parsed) problems.push(parsed.problem);
    else values[option.key] = parsed.value;
  }
  if (problems.length === 0) return values;
  // What does not fit together is told at the same time.
  throw new ConfigError([...problems, ...problemsOf(values)]);
}

function problemsOf(config: Partial<Config>): readonly string[] {
  try {
    makeConfig(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function parseValue(option: Option, text: string): { value: unknown } | { problem: string } {
  const { env, kind } = option;
  const shown = option.isSecret === true ? '***' : text;
  switch (kind.type) {
    case 'text':
      return { value: text };
    case 'list':
      return {
        value: text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      };
    case 'flag':
      if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return { value: true };
      if (['0', 'false', 'no', 'off'].includes(text.toLowerCase())) return { value: false };
      return { problem: `${env}=${shown}: expected 1 or 0` };
    case 'choice':
      return kind.values.includes(text)
        ? { value: text }
        : { problem: `${env}=${shown}: expected one of ${kind.values.join(', ')}` };
    case 'count':
    case 'bytes':
    case 'ms': {
      const value = parseNumber(text, kind.type);
      return value !== null && value >= kind.min && value <= kind.max
        ? { value }
        : {
            problem: `${env}=${shown}: expected ${describe(kind)} from ${kind.min} to ${kind.max}`,
          };
    }
  }
}

const UNITS: Readonly<Record<'count' | 'bytes' | 'ms', Readonly<Record<string, number>>>> = {
  count: { '': 1 },
  bytes: { '': 1, b: 1, kib: 1024, mib: MIB, gib: GIB },
  ms: { '': 1, ms: 1, s: 1000, min: 60_000, h: 3_600_000 },
};

function parseNumber(text: string, type: 'count' | 'bytes' | 'ms'): number | null {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text);
  const factor = UNITS[type][match?.[2]?.toLowerCase() ?? ''];
  return match === null || factor === undefined ? null : Number(match[1]) * factor;
}

function describe(kind: Kind): string {
  switch (kind.type) {
    case 'bytes':
      return 'bytes (or 64KiB, 32MiB)';
    case 'ms':
      return 'milliseconds (or 10s, 5min)';
    case 'count':
      return 'a whole number';
    case 'text':
    case 'list':
    case 'flag':
    case 'choice':
      return 'a value';
  }
}

function showDefault(option: Option, value: unknown): string {
  if (option.shown !== undefined) return option.shown;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (option.kind.type === 'bytes' && typeof value === 'number') {
    if (value % MIB === 0) return `${value / MIB}MiB`;
    return value % 1024 === 0 ? `${value / 1024}KiB` : String(value);
  }
  if (option.kind.type === 'ms' && typeof value === 'number') {
    return value >= 1000 && value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`;
  }
  return String(value);
}

/** The table as rows: name, default, meaning. `--help` and docs/OPERATIONS.md are both made from it. */
export function optionRows(): readonly (readonly [env: string, fallback: string, doc: string])[] {
  const values = defaults();
  return OPTIONS.map((option) => [option.env, showDefault(option, values[option.key]), option.doc]);
}
