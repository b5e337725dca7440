/**
 * Logging: pino, JSON lines on stdout, pretty on request. What is never logged: tokens, query strings,
 * document text, raw bytes. [I7]
 */
import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../options.ts';

export type { Logger } from 'pino';

export function createLogger(
  config: Pick<Config, 'logLevel' | 'logPretty' | 'nodeId' | 'region'>,
): Logger {
  const options = {
    level: config.logLevel,
    base: { node: config.nodeId, region: config.region },
    redact: [
      'jwtSecret',
      '*.jwtSecret',
      'redisUrl',
      'webhookUrl',
      'webhookSecret',
      '*.redisUrl',
      '*.webhookUrl',
      '*.webhookSecret',
      'token',
      '*.token',
      'authorization',
      '*.authorization',
      'req.headers',
    ],
  };
  if (!config.logPretty) return pino(options);
  return pino(options, pretty({ colorize: true, ignore: 'pid,hostname,node,region', sync: true }));
}
