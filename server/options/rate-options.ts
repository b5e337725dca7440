/** How often somebody may ask, and who somebody is behind a proxy. */
import { count, ms, type Option } from './option.ts';

export interface RateConfig {
  readonly trustProxy: number;
  readonly rateWindowMs: number;
  /** Requests in a window; 0: any number, null: the default for this AUTH. */
  readonly rateUserMax: number | null;
  readonly rateAddressMax: number | null;
  readonly rateDocumentMax: number | null;
  readonly rateUpgradesMax: number | null;
  readonly rateBadTokensMax: number | null;
}

export const RATE_OPTIONS: readonly Option<keyof RateConfig>[] = [
  {
    key: 'trustProxy',
    env: 'TRUST_PROXY',
    kind: count(0, 16),
    doc: 'Proxies in front whose X-Forwarded-For is believed: the client address is that many entries from its right end.',
  },
  {
    key: 'rateWindowMs',
    env: 'RATE_WINDOW_MS',
    kind: ms(1000),
    doc: 'The window that the limits below count in.',
  },
  {
    key: 'rateUserMax',
    env: 'RATE_USER_MAX',
    kind: count(0, 1_000_000_000),
    shown: '2000 with AUTH=jwt',
    doc: 'Requests of one user in a window; 0: any number.',
  },
  {
    key: 'rateAddressMax',
    env: 'RATE_ADDRESS_MAX',
    kind: count(0, 1_000_000_000),
    shown: '10000 beyond loopback',
    doc: 'Requests from one address (IPv6: /64) in a window; 0: any number. The default spares loopback addresses.',
  },
  {
    key: 'rateDocumentMax',
    env: 'RATE_DOCUMENT_MAX',
    kind: count(0, 1_000_000_000),
    shown: '20000 beyond loopback',
    doc: 'Requests to one document in a window; 0: any number.',
  },
  {
    key: 'rateUpgradesMax',
    env: 'RATE_UPGRADES_MAX',
    kind: count(0, 1_000_000_000),
    shown: '1000 beyond loopback',
    doc: 'WebSocket upgrades from one address in a window; 0: any number. The default spares loopback addresses.',
  },
  {
    key: 'rateBadTokensMax',
    env: 'RATE_BAD_TOKENS_MAX',
    kind: count(0, 1_000_000_000),
    shown: '200 with AUTH=jwt',
    doc: 'Bad tokens from one address in a window, after which its tokens are not looked at; 0: any number.',
  },
];

export function rateDefaults(): RateConfig {
  return {
    trustProxy: 0,
    rateWindowMs: 10_000,
    rateUserMax: null,
    rateAddressMax: null,
    rateDocumentMax: null,
    rateUpgradesMax: null,
    rateBadTokensMax: null,
  };
}
