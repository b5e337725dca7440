/**
 * Which pages may talk to this node: the rule for upgrades and for REST. Pure. Browsers send `Origin` with every
 * upgrade and with every request that writes; programs need not.
 */
export interface OriginPolicy {
  readonly allowedOrigins: readonly string[];
  /** Without access control a page of the node's own origin counts only when that origin is loopback. */
  readonly isLoopbackOnly: boolean;
}

/** The two headers that the rule reads. */
export interface OriginHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;

/**
 * Exact match on scheme, host and port. A node without access control takes its own origin from the Host header
 * only if that names loopback: otherwise a hostile site that rebinds its name to 127.0.0.1 would be "same origin".
 */
export function isOriginAllowed(
  request: { readonly headers: OriginHeaders },
  policy: OriginPolicy,
): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (policy.allowedOrigins.includes(origin)) return true;
  if (host === undefined || (policy.isLoopbackOnly && !LOOPBACK_HOST.test(host))) return false;
  return origin === `http://${host}` || origin === `https://${host}`;
}

/**
 * Reads of a page's own origin carry no `Origin`: against a rebound name only `Host` tells. A node without access
 * control answers to loopback names, and to the hosts of ALLOWED_ORIGINS (a proxy that passes its own name on).
 */
export function isHostAllowed(host: string | undefined, policy: OriginPolicy): boolean {
  if (!policy.isLoopbackOnly || host === undefined || LOOPBACK_HOST.test(host)) return true;
  return policy.allowedOrigins.some((origin) => origin.replace(/^[a-z]+:\/\//, '') === host);
}
