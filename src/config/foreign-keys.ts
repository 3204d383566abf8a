/** Where a key of another program is found here: paths of the table, or what to do instead. */
interface ForeignKey {
  readonly program: string;
  /** Paths of the table without indices, `clusters[].balancer.policy`. */
  readonly ownKeys: readonly string[];
  readonly advice: string | undefined;
}

type Entries = Readonly<Record<string, string | readonly string[]>>;

const noDynamic = '!the configuration comes from one file; write listeners and clusters there';
const alwaysVerified = '!certificates are always verified; write the authorities in tls.ca';
const kubernetes = '!this is not a Kubernetes resource; write listeners and clusters at the top level';

/**
 * Keys of other programs by program, with the path of ours. What begins with `!` has none: then it says what to do.
 * Letter case, `_` and `-` count for nothing. Only keys that are not ours anywhere, or that a level makes clear, stand here.
 */
const programs: Readonly<Record<string, Entries>> = {
  Envoy: {
    static_resources: ['listeners', 'clusters'],
    dynamic_resources: noDynamic,
    lds_config: noDynamic,
    cds_config: noDynamic,
    eds_cluster_config: 'clusters[].discovery',
    lb_policy: 'clusters[].balancer.policy',
    load_balancing_policy: 'clusters[].balancer.policy',
    load_assignment: 'clusters[].endpoints',
    lb_endpoints: 'clusters[].endpoints',
    locality_lb_endpoints: 'clusters[].endpoints',
    load_balancing_weight: 'clusters[].endpoints[].weight',
    locality: 'clusters[].endpoints[].zone',
    socket_address: ['listeners[].listen', 'clusters[].endpoints[].address'],
    port_value: ['listeners[].listen', 'clusters[].endpoints[].address'],
    filter_chains: 'listeners[].routes',
    filters: 'listeners[].routes',
    http_filters: 'listeners[].routes',
    route_config: 'listeners[].routes',
    virtual_hosts: 'listeners[].routes',
    typed_config: '!there are no filters; remove it',
    domains: 'listeners[].routes[].match.authority',
    prefix: 'listeners[].routes[].match.pathPrefix',
    safe_regex: 'listeners[].routes[].match.pathRegex',
    weighted_clusters: 'listeners[].routes[].split',
    num_retries: 'listeners[].routes[].retry.attempts',
    request_mirror_policies: 'listeners[].routes[].mirror',
    direct_response: 'listeners[].routes[].respond',
    retry_policy: 'listeners[].routes[].retry',
    retry_on: 'listeners[].routes[].retry.on',
    hash_policy: 'clusters[].balancer.hash',
    prefix_rewrite: 'listeners[].routes[].rewrite.pathPrefix',
    regex_rewrite: 'listeners[].routes[].rewrite.pathRegex',
    host_rewrite_literal: 'listeners[].routes[].rewrite.authority',
    request_headers_to_add: 'listeners[].routes[].headers.request',
    response_headers_to_add: 'listeners[].routes[].headers.reply',
    http2_protocol_options: 'clusters[].protocol',
    typed_extension_protocol_options: 'clusters[].protocol',
    circuit_breakers: 'clusters[].limits',
    outlier_detection: 'clusters[].outlier',
    health_checks: 'clusters[].health',
    base_ejection_time: 'clusters[].outlier.baseEjection',
    max_ejection_percent: 'clusters[].outlier.maxEjectedPercent',
    transport_socket: ['listeners[].tls', 'clusters[].tls'],
    common_tls_context: ['listeners[].tls', 'clusters[].tls'],
    tls_context: ['listeners[].tls', 'clusters[].tls'],
    sni: 'clusters[].tls.serverName',
    dns_lookup_family: 'clusters[].discovery.dns.family',
    drain_timeout: 'drain.grace',
    overload_manager: 'limits',
    stat_prefix: 'listeners[].name',
    address: ['listeners[].listen', 'clusters[].endpoints[].address'],
  },
  Istio: {
    trafficPolicy: ['clusters[].balancer', 'clusters[].outlier', 'clusters[].limits'],
    connectionPool: 'clusters[].limits',
    http2MaxRequests: 'clusters[].limits.maxRequests',
    http1MaxPendingRequests: 'clusters[].limits.maxPending',
    http2KeepAlive: 'clusters[].connections.keepalive',
    consecutive5xxErrors: 'clusters[].outlier.consecutiveErrors',
    consecutiveGatewayErrors: 'clusters[].outlier.consecutiveErrors',
    failurePercentageThreshold: 'clusters[].outlier.failurePercentage.threshold',
    consistentHash: 'clusters[].balancer.hash',
    httpHeaderName: 'clusters[].balancer.hash[].header',
    warmup: 'clusters[].balancer.slowStart',
    subset: '!a subset is a cluster here; write a cluster with a Service for its pods',
    subsets: '!a subset is a cluster here; write a cluster with a Service for its pods',
    destination: ['listeners[].routes[].cluster', 'listeners[].routes[].split'],
    uri: [
      'listeners[].routes[].match.path',
      'listeners[].routes[].match.pathPrefix',
      'listeners[].routes[].match.pathRegex',
    ],
    queryParams: 'listeners[].routes[].match.query',
    withoutHeaders: 'listeners[].routes[].match.headers[].invert',
    corsPolicy: 'listeners[].routes[].cors',
    mirrors: 'listeners[].routes[].mirror',
    mirrorPercentage: 'listeners[].routes[].mirror.percent',
    fixedDelay: 'listeners[].routes[].fault.delay.time',
    percentage: [
      'listeners[].routes[].fault.delay.percent',
      'listeners[].routes[].fault.abort.percent',
      'listeners[].routes[].mirror.percent',
    ],
    terminationDrainDuration: 'drain.grace',
  },
  nginx: {
    http: ['listeners', 'clusters'],
    server: ['listeners', 'clusters[].endpoints'],
    upstream: 'clusters',
    upstreams: 'clusters',
    location: 'listeners[].routes',
    locations: 'listeners[].routes',
    proxy_pass: 'listeners[].routes[].cluster',
    grpc_pass: 'listeners[].routes[].cluster',
    proxy_read_timeout: 'listeners[].routes[].timeout',
    proxy_send_timeout: 'listeners[].routes[].timeout',
    grpc_read_timeout: 'listeners[].routes[].timeout',
    proxy_connect_timeout: 'clusters[].connectTimeout',
    grpc_connect_timeout: 'clusters[].connectTimeout',
    proxy_next_upstream: 'listeners[].routes[].retry',
    server_name: 'listeners[].routes[].match.authority',
    ssl: ['listeners[].tls', 'clusters[].tls'],
    ssl_certificate: 'listeners[].tls.cert',
    ssl_certificate_key: 'listeners[].tls.key',
    ssl_client_certificate: 'listeners[].tls.clientCa',
    ssl_verify_client: 'listeners[].tls.requireClientCert',
    keepalive_timeout: 'listeners[].limits.idleTimeout',
    client_max_body_size: 'listeners[].routes[].bodyLimit',
    worker_processes: '!a sidecar is one process; remove it',
    worker_connections: 'listeners[].limits.maxConnections',
    least_conn: 'clusters[].balancer.policy',
    proxy_set_header: 'listeners[].routes[].headers.request.set',
    add_header: 'listeners[].routes[].headers.reply.add',
    return: ['listeners[].routes[].respond', 'listeners[].routes[].redirect'],
    limit_req: 'listeners[].routes[].rateLimit',
    limit_conn: 'listeners[].limits.maxConnections',
    error_log: 'log',
    max_fails: 'clusters[].outlier.consecutiveErrors',
    fail_timeout: 'clusters[].outlier.baseEjection',
    backup: 'clusters[].endpoints[].priority',
  },
  HAProxy: {
    frontend: 'listeners',
    frontends: 'listeners',
    backend: 'clusters',
    backends: 'clusters',
    bind: 'listeners[].listen',
    balance: 'clusters[].balancer.policy',
    maxconn: 'listeners[].limits.maxConnections',
    use_backend: 'listeners[].routes[].cluster',
    default_backend: 'listeners[].routes[].cluster',
    acl: 'listeners[].routes[].match',
    option: '!there are no options; see docs/configuration.md',
    defaults: '!there is no section for defaults; write each value where it counts',
    retries: 'listeners[].routes[].retry.attempts',
    httpchk: 'clusters[].health.http',
    inter: 'clusters[].health.interval',
    rise: 'clusters[].health.healthyThreshold',
    fall: 'clusters[].health.unhealthyThreshold',
  },
  Traefik: {
    entryPoints: 'listeners',
    routers: 'listeners[].routes',
    rule: 'listeners[].routes[].match',
    services: 'clusters',
    servers: 'clusters[].endpoints',
    url: 'clusters[].endpoints[].address',
    loadBalancer: 'clusters[].balancer',
    middlewares:
      '!there are no middlewares; write the policies in the route, such as retry, rateLimit or headers',
    providers: 'clusters[].discovery',
    certFile: ['listeners[].tls.cert', 'clusters[].tls.cert'],
    keyFile: ['listeners[].tls.key', 'clusters[].tls.key'],
    rootCAs: 'clusters[].tls.ca',
    insecureSkipVerify: alwaysVerified,
    circuitBreaker: 'clusters[].outlier',
  },
  Linkerd: {
    failureAccrual: 'clusters[].outlier',
    retryBudget: 'listeners[].routes[].retry.budget',
    isRetryable: 'listeners[].routes[].retry',
    responseClasses: 'listeners[].routes[].retry.on',
    opaquePorts: 'listeners[].protocol',
  },
  Kubernetes: {
    apiVersion: kubernetes,
    kind: kubernetes,
    metadata: kubernetes,
    spec: kubernetes,
    parentRefs: kubernetes,
    backendRefs: 'listeners[].routes[].cluster',
    hostnames: 'listeners[].routes[].match.authority',
    matches: 'listeners[].routes[].match',
    rules: 'listeners[].routes',
  },
  'a gRPC service config': {
    loadBalancingConfig: 'clusters[].balancer',
    methodConfig: 'listeners[].routes',
    retryPolicy: 'listeners[].routes[].retry',
    hedgingPolicy: 'listeners[].routes[].hedge',
    maxAttempts: 'listeners[].routes[].retry.attempts',
    initialBackoff: 'listeners[].routes[].retry.backoff.base',
    maxBackoff: 'listeners[].routes[].retry.backoff.max',
    retryableStatusCodes: 'listeners[].routes[].retry.on',
    retryThrottling: 'listeners[].routes[].retry.budget',
    hedgingDelay: 'listeners[].routes[].hedge.delay',
    nonFatalStatusCodes: 'listeners[].routes[].hedge.nonFatal',
    healthCheckConfig: 'clusters[].health.grpc',
  },
  'another proxy': {
    host: ['clusters[].endpoints[].address', 'listeners[].routes[].match.authority'],
    port: ['listeners[].listen', 'clusters[].endpoints[].address', 'admin.listen'],
    hosts: ['clusters[].endpoints', 'listeners[].routes[].match.authority'],
    hostname: ['clusters[].endpoints[].address', 'listeners[].routes[].match.authority'],
    ip: 'clusters[].endpoints[].address',
    targets: 'clusters[].endpoints',
    target: 'clusters[].endpoints[].address',
    nodes: 'clusters[].endpoints',
    instances: 'clusters[].endpoints',
    replicas: 'clusters[].endpoints',
    members: 'clusters[].endpoints',
    algorithm: 'clusters[].balancer.policy',
    strategy: 'clusters[].balancer.policy',
    lb: 'clusters[].balancer',
    reverse_proxy: 'listeners[].routes[].cluster',
    certificate: ['listeners[].tls.cert', 'clusters[].tls.cert'],
    certificate_file: ['listeners[].tls.cert', 'clusters[].tls.cert'],
    private_key: ['listeners[].tls.key', 'clusters[].tls.key'],
    ca_file: 'clusters[].tls.ca',
    ca_cert: 'clusters[].tls.ca',
    insecure: alwaysVerified,
    skip_verify: alwaysVerified,
    logging: 'log',
    log_level: 'log.level',
    tracing: 'telemetry.traces',
    max_retries: 'listeners[].routes[].retry.attempts',
  },
};

const byKey: ReadonlyMap<string, ForeignKey> = new Map(
  Object.entries(programs).flatMap(([program, entries]) =>
    Object.entries(entries).map(([key, value]) => [normalKey(key), foreignKey(program, value)]),
  ),
);

function foreignKey(program: string, value: string | readonly string[]): ForeignKey {
  const values = typeof value === 'string' ? [value] : value;
  const advice = values[0].startsWith('!') ? values[0].slice(1) : undefined;
  return { program, ownKeys: advice === undefined ? values : [], advice };
}

/** A key without what programs write differently: `lb_policy`, `lbPolicy` and `lb-policy` are one. */
export function normalKey(key: string): string {
  return key.replaceAll(/[_-]/g, '').toLowerCase();
}

/** What is known of a key that is not ours. */
export function foreignKeyOf(key: string): ForeignKey | undefined {
  return byKey.get(normalKey(key));
}

/** Every path that the table points at, for the test that they exist. */
export function foreignTargets(): string[] {
  return [...byKey.values()].flatMap(({ ownKeys }) => ownKeys);
}
