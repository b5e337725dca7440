/**
 * The configuration of HAProxy in front of the nodes of one region: the one template behind deploy/haproxy.cfg and
 * behind the cluster on loopback, so that what operators copy is what the tests run.
 */

export interface ProxiedNode {
  readonly name: string;
  /** host:port */
  readonly address: string;
}

export interface ProxyConfig {
  /** What stands after `bind`. */
  readonly bind: string;
  readonly nodes: readonly ProxiedNode[];
  /** Names of nodes are looked up again when they change, as containers' do. */
  readonly looksUpNames: boolean;
  /** Where HAProxy tells of itself: /metrics and a page. */
  readonly operationsBind: string | null;
  readonly connectionsMax: number;
}

/** What deploy/haproxy.cfg shows; compose.yaml gives these names to the nodes of each region. */
export const EXAMPLE: ProxyConfig = {
  bind: ':8080',
  nodes: [
    { name: 'node-1', address: 'node-1:1234' },
    { name: 'node-2', address: 'node-2:1234' },
  ],
  looksUpNames: true,
  operationsBind: ':8404',
  connectionsMax: 20_000,
};

export function haproxyConfig(config: ProxyConfig): string {
  const { bind, nodes, looksUpNames, operationsBind, connectionsMax } = config;
  const lookup = looksUpNames ? ' resolvers names init-addr none' : '';
  const servers = nodes.map(
    ({ name, address }, index) => `    server ${name} ${address} id ${index + 1}`,
  );
  return `# HAProxy (2.6 or newer) in front of the nodes of one region: the same document goes to the same node, so that its
# people share a room; a node that is not ready gets nobody new and keeps whom it has. Any node serves any document:
# when one goes, its documents move to the others. Why it is as it is: docs/decisions/0017-deploy.md.
# Made by \`npm run docs\` from chaos/haproxy-config.ts, which the cluster command uses too. Check: haproxy -c -f FILE

global
    log stdout format raw local0 notice
    maxconn ${connectionsMax}
    # After a reload the old process lives as long as its WebSockets, but no longer than this.
    hard-stop-after 1h

defaults
    mode http
    log global
    option httplog
    # Probes that connect and say nothing.
    option dontlognull
    option dontlog-normal
    option log-separate-errors
    timeout connect 2s
    timeout check 2s
    timeout queue 5s
    timeout http-request 10s
    timeout http-keep-alive 30s
    # Between two bytes. Event streams say something every 10 s (KEEP_ALIVE_MS), slow answers take up to 30 s.
    timeout client 60s
    timeout server 60s
    # WebSockets: nodes ping every 30 s (HEARTBEAT_INTERVAL_MS) and give up after two; the proxy a little later.
    timeout tunnel 75s
    timeout client-fin 10s
${
  looksUpNames
    ? `
resolvers names
    parse-resolv-conf
    hold valid 5s
    accepted_payload_size 8192
`
    : ''
}
frontend public
    bind ${bind}
    # With TLS: bind :443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    # Nodes run with TRUST_PROXY=1: of X-Forwarded-For they believe the last entry, which is the one added here.
    option forwardfor
    # Small pieces at once: event streams.
    option http-no-delay

    # Probes and metrics are not for the outside. A WebSocket at these paths is a document of that name.
    http-request return status 404 content-type "application/problem+json" string "{\\"title\\":\\"Not found\\",\\"status\\":404}" if { path,lower -m reg ^/(healthz|readyz|metrics)/?$ } !{ req.hdr(upgrade) -m found }

    # The document that a request is about, decoded, so that a/b and a%2Fb are one.
    #   /v1/documents/DOC/...    REST and event streams
    #   /d/DOC/ws/DOC            Y-Sweet's clients
    #   /DOC                     y-websocket's clients
    http-request set-var(txn.document) path,field(4,/),url_dec if { path_reg ^/v1/documents/[^/]+ }
    http-request set-var(txn.document) path,field(3,/),url_dec if { path_reg ^/d/[^/]+/(ws/[^/]+|as-update|update)$ }
    http-request set-var(txn.document) path,bytes(1),url_dec if !{ var(txn.document) -m found } { req.hdr(upgrade) -i websocket } !{ path / }

    # A read or an upgrade that no node has answered is tried on another one; a write is its client's to repeat.
    http-request disable-l7-retry if !METH_GET
    default_backend nodes

backend nodes
    # By document; requests about none (pages, lists) take turns.
    balance hash var(txn.document)
    hash-type consistent
    retries 2
    option redispatch 1
    retry-on conn-failure empty-response 503
    option httpchk
    # Host: nodes without access control answer to loopback names only.
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    # Weight: points on the ring. Ids: an id that is given up is not given to another node, or documents move.
    default-server check inter 1s fastinter 250ms downinter 1s fall 2 rise 1 weight 100${lookup}
${servers.join('\n')}
${
  operationsBind === null
    ? ''
    : `
frontend operations
    # For the inside only: which nodes are up, and metrics.
    bind ${operationsBind}
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats uri /
    stats refresh 5s
`
}`;
}
