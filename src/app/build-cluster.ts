import { createSecureContext, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { ClusterConfig } from '../config/table.ts';
import type { Clock } from '../core/clock.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { DnsSource } from '../discovery/dns.ts';
import { type DnsResolver, systemDnsResolver } from '../discovery/dns-resolver.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import { staticSource } from '../discovery/static.ts';
import { type HealthSettings, startHealthChecker } from '../health/checker.ts';
import { grpcProbe } from '../health/grpc-probe.ts';
import { httpProbe } from '../health/http-probe.ts';
import { defaultOutlierSettings, outlierDetector } from '../health/outlier.ts';
import type { Probe, ProbeTls } from '../health/probe.ts';
import { tcpProbe } from '../health/tcp-probe.ts';
import { createHttp1Pool } from '../http1/pool.ts';
import type { BufferBudget } from '../http2/buffer-budget.ts';
import type { FlushScheduler } from '../http2/flush-scheduler.ts';
import { connectionDefaults } from '../http2/options.ts';
import { clientTls } from '../security/tls-files.ts';
import { Cluster } from '../upstream/cluster.ts';
import { isLoopback } from '../upstream/dial.ts';
import type { Endpoint, HealthWatch } from '../upstream/endpoint.ts';
import { http1StreamPool, noPool } from '../upstream/http1-pool.ts';
import { Http2Pool } from '../upstream/http2-pool.ts';
import type { StreamPool } from '../upstream/stream-opener.ts';

/** Replies of one connection in one turn of the event loop, before the other connections have theirs. */
const repliesPerTurnMax = 1024;

export interface BuildDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly scheduler: FlushScheduler;
  readonly bufferBudget: BufferBudget;
  readonly internalErrors: InternalErrors;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
}

/** Milliseconds a connection to an endpoint may take, by the configuration or by how near it is. */
export function connectTimeoutOf(config: ClusterConfig, endpoint: Endpoint): number {
  return config.connectTimeoutMs ?? (isLoopback(endpoint.target) ? 1000 : 5000);
}

/** TLS towards the endpoints of a cluster, or null for cleartext. */
export function clusterTls(config: ClusterConfig): TlsConnectionOptions | null {
  return config.tls === undefined ? null : clientTls(config.tls, config.tls.serverName);
}

/** A cluster as configured, not yet started. */
export function buildCluster(config: ClusterConfig, deps: BuildDeps): Cluster {
  const tls = clusterTls(config);
  const { health } = config;
  return new Cluster(
    {
      name: config.name,
      protocol: config.protocol,
      balancer: config.balancer,
      requestsMax: config.limits.maxRequests,
      endpointRequestsMax: config.limits.perEndpoint.maxRequests,
    },
    {
      ...deps,
      discovery: buildDiscovery(config, deps),
      newPool: (endpoint, onChange) => buildPool(config, endpoint, tls, deps, onChange),
      watchHealth:
        health === 'none' ? null : (endpoint, onChange) => watchHealth(config, endpoint, tls, deps, onChange),
      outlier:
        config.outlier === 'none'
          ? null
          : outlierDetector({ ...deps, settings: { ...defaultOutlierSettings, ...config.outlier } }),
    },
  );
}

function buildDiscovery(config: ClusterConfig, deps: BuildDeps): DiscoverySource {
  const dns = config.discovery?.dns;
  if (dns === undefined) return staticSource(config.endpoints, () => deps.clock.now());
  return new DnsSource(
    { ...dns, weight: 1, zone: '', priority: 0 },
    { ...deps, resolver: (deps.newDnsResolver ?? systemDnsResolver)() },
  );
}

function buildPool(
  config: ClusterConfig,
  endpoint: Endpoint,
  tls: TlsConnectionOptions | null,
  deps: BuildDeps,
  onChange: () => void,
): StreamPool {
  const { limits, protocol } = config;
  const connectTimeoutMs = connectTimeoutOf(config, endpoint);
  if (protocol === 'tcp') return noPool;
  if (protocol === 'http1') {
    const pool = createHttp1Pool(endpoint.target, {
      clock: deps.clock,
      connectTimeoutMs,
      socketsMax: limits.maxConnections,
      pendingMax: limits.maxPending,
      freeSocketsMax: Math.min(limits.maxConnections, 256),
      freeSocketTimeoutMs: 60_000,
      replyHeaderBytesMax: connectionDefaults.headerListBytesMax,
      tls,
      internalErrors: deps.internalErrors,
    });
    return http1StreamPool(pool);
  }
  const settings = {
    connectTimeoutMs,
    connectionsMax: limits.maxConnections,
    pendingMax: limits.maxPending,
    http2: { ...connectionDefaults, streamsPerTurnMax: repliesPerTurnMax, budget: deps.bufferBudget },
  };
  return new Http2Pool(endpoint.target, tls, settings, deps, onChange);
}

function watchHealth(
  config: ClusterConfig,
  endpoint: Endpoint,
  tls: TlsConnectionOptions | null,
  deps: BuildDeps,
  onChange: () => void,
): HealthWatch {
  const health = config.health as Exclude<ClusterConfig['health'], 'none'>;
  let totalSeen = endpoint.total;
  return startHealthChecker({
    ...deps,
    endpoint: endpoint.address,
    probe: buildProbe(config, endpoint, tls, deps.clock),
    settings: healthSettings(health),
    hadTraffic: () => {
      const had = endpoint.total !== totalSeen || endpoint.active > 0;
      totalSeen = endpoint.total;
      return had;
    },
    onChange,
  });
}

function healthSettings(health: Exclude<ClusterConfig['health'], 'none'>): HealthSettings {
  return {
    intervalMs: health.intervalMs,
    timeoutMs: health.timeoutMs,
    unhealthyThreshold: health.unhealthyThreshold,
    healthyThreshold: health.healthyThreshold,
    noTrafficIntervalMs: health.noTrafficIntervalMs ?? null,
    jitter: 0.1,
    initialState: health.initialState === 'healthy' ? 'healthy' : 'unknown',
  };
}

function buildProbe(
  config: ClusterConfig,
  endpoint: Endpoint,
  tls: TlsConnectionOptions | null,
  clock: Clock,
): Probe {
  const health = config.health as Exclude<ClusterConfig['health'], 'none'>;
  if (health.http !== undefined) {
    return httpProbe(endpoint.target, clock, {
      path: health.http.path,
      expectedStatuses: health.http.statuses,
      ...probeTls(tls),
    });
  }
  if (health.grpc !== undefined) {
    return grpcProbe(endpoint.target, clock, {
      service: health.grpc.service,
      ...probeTls(tls),
    });
  }
  return tcpProbe(endpoint.target, clock);
}

function probeTls(tls: TlsConnectionOptions | null): { tls?: ProbeTls } {
  return tls === null ? {} : { tls: { secureContext: createSecureContext(tls), serverName: tls.servername } };
}
