/**
 * Logging: pino, JSON lines on stdout, pretty on request. What is never logged: tokens, query strings,
 * document text, raw bytes. [I7]
 */
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { OPTIONS, type Config } from '../options.ts';

export type { Logger } from 'pino';

/** Options that must not be seen, should somebody log a configuration. */
const SECRETS = OPTIONS.filter(({ isSecret }) => isSecret === true).flatMap(({ key }) => [
  key,
  `*.${key}`,
]);

export function createLogger(
  config: Pick<Config, 'logLevel' | 'logPretty' | 'nodeId' | 'region'>,
): Logger {
  const options = {
    level: config.logLevel,
    base: { node: config.nodeId, region: config.region },
    redact: [...SECRETS, 'token', '*.token', 'authorization', '*.authorization', 'req.headers'],
  };
  if (!config.logPretty) return pino(options);
  return pino(options, pretty({ colorize: true, ignore: 'pid,hostname,node,region', sync: true }));
}
