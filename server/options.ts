/**
 * The options of a node: one table with the name of each, its default, its bounds and what it is for, put together
 * from one file a section. Everything that shows or reads options is made from it (config.ts). Names are fixed:
 * things outside depend on them.
 */
import { NODE_OPTIONS, nodeDefaults, type NodeConfig } from './options/node-options.ts';
import { CLUSTER_OPTIONS, clusterDefaults, type ClusterConfig } from './options/cluster-options.ts';
import { ACCESS_OPTIONS, accessDefaults, type AccessConfig } from './options/access-options.ts';
import { RATE_OPTIONS, rateDefaults, type RateConfig } from './options/rate-options.ts';
import {
  CONNECTION_OPTIONS,
  connectionDefaults,
  type ConnectionConfig,
} from './options/connection-options.ts';
import {
  DOCUMENT_OPTIONS,
  documentDefaults,
  type DocumentConfig,
} from './options/document-options.ts';
import { HTTP_OPTIONS, httpDefaults, type HttpConfig } from './options/http-options.ts';
import { TRACING_OPTIONS, tracingDefaults, type TracingConfig } from './options/tracing-options.ts';
import { WEBHOOK_OPTIONS, webhookDefaults, type WebhookConfig } from './options/webhook-options.ts';
import type { Option } from './options/option.ts';

export interface Config
  extends
    NodeConfig,
    ClusterConfig,
    AccessConfig,
    RateConfig,
    ConnectionConfig,
    DocumentConfig,
    HttpConfig,
    WebhookConfig,
    TracingConfig {}

export const OPTIONS: readonly Option<keyof Config>[] = [
  ...NODE_OPTIONS,
  ...CLUSTER_OPTIONS,
  ...ACCESS_OPTIONS,
  ...RATE_OPTIONS,
  ...CONNECTION_OPTIONS,
  ...DOCUMENT_OPTIONS,
  ...HTTP_OPTIONS,
  ...WEBHOOK_OPTIONS,
  ...TRACING_OPTIONS,
];

export function defaults(): Config {
  return {
    ...nodeDefaults(),
    ...clusterDefaults(),
    ...accessDefaults(),
    ...rateDefaults(),
    ...connectionDefaults(),
    ...documentDefaults(),
    ...httpDefaults(),
    ...webhookDefaults(),
    ...tracingDefaults(),
  };
}
