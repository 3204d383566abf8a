import { createSecureContext, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { affinityOf, clientsChoose } from '../balancing/build.ts';
import { GradientLimiter } from '../concurrency/gradient-limiter.ts';
import type { ClusterConfig } from '../config/table.ts';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { hash32 } from '../core/hash.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import { type Logger, loggerWith } from '../core/logger.ts';
import { isLoopbackHost } from '../core/loopback.ts';
import type { Random } from '../core/random.ts';
import { rateLimitedLogger } from '../core/rate-limited-logger.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import type { EndpointAssignments } from '../discovery/xds.ts';
import type { HeadCache } from '../http1/head-cache.ts';
import type { ParserLimits } from '../http1/message.ts';
import type { ViolationCounts } from '../http1/violation-counts.ts';
import type { BufferBudget } from '../http2/buffer-budget.ts';
import type { HpackCaches } from '../http2/hpack/caches.ts';
import { type ConnectionOptions, connectionDefaults } from '../http2/options.ts';
import { endpointTls } from '../security/endpoint-tls.ts';
import { clientTls } from '../security/tls-files.ts';
import type { SubsettingSettings } from '../subsetting/subset.ts';
import type { FlushScheduler } from '../transport/flush-scheduler.ts';
import { Cluster, type ClusterSettings } from '../upstream/cluster.ts';
import type { ConnectionLifeSettings } from '../upstream/connection-life.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { EndpointSeriesTable } from '../upstream/endpoint-series.ts';
import { Http1Pool, type Http1PoolDeps } from '../upstream/http1-pool.ts';
import { Http2Pool } from '../upstream/http2-pool.ts';
import { noPool } from '../upstream/no-pool.ts';
import { PoolTotals } from '../upstream/pool-totals.ts';
import type { StreamPool } from '../upstream/stream-opener.ts';
import type { SubchannelTable } from '../upstream/subchannels.ts';
import { buildDiscovery } from './build-discovery.ts';
import { buildOutlier, endpointAuthority, watchHealth } from './build-health.ts';

/** Replies of one connection in one turn of the event loop, before the other connections have theirs. */
const repliesPerTurnMax = 1024;

/** Idle connections of HTTP/1.1 that are kept to one endpoint. */
const idleConnectionsMax = 256;

/** Bytes of the chunk extensions of one reply, which nobody uses. */
const chunkExtensionBytesMax = 16_384;

export interface BuildDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly scheduler: FlushScheduler;
  readonly bufferBudget: BufferBudget;
  readonly hpackCaches: HpackCaches;
  readonly headCache: HeadCache;
  /** What HTTP/1.1 endpoints sent that was refused, by cluster. */
  readonly refusedReplies: ViolationCounts;
  readonly internalErrors: InternalErrors;
  readonly series: EndpointSeriesTable;
  readonly subchannels: SubchannelTable;
  /** The zone that this process is in, '' where it is not known. */
  readonly zone: string;
  /** Which endpoints subsetting chooses where no seed is configured, 32 bits; the same for as long as the process runs. */
  readonly subsetSeed: number;
  /** Variables of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the control plane sends; absent without one. */
  readonly assignments?: EndpointAssignments | undefined;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
}

/**
 * Returns how long a connection to an endpoint may take, milliseconds. Without a configured value it is short for this
 * machine, where a connect that takes a second will not succeed.
 */
export function connectTimeoutOf(config: ClusterConfig, address: Address): number {
  const isLocal = address.kind === 'unix' || isLoopbackHost(address.host);
  return config.connectTimeoutMs ?? (isLocal ? 1000 : 5000);
}

/** TLS towards the endpoints of a cluster, or null for cleartext. */
export function clusterTls(config: ClusterConfig): TlsConnectionOptions | null {
  return config.tls === undefined ? null : clientTls(config.tls, config.tls.serverName);
}

/** A cluster with what those need who connect to its endpoints by themselves. */
export interface BuiltCluster {
  readonly config: ClusterConfig;
  readonly cluster: Cluster;
  readonly tls: TlsConnectionOptions | null;
  /** What its connections hold together. */
  readonly totals: PoolTotals;
}

/** A cluster as configured, not yet started. Throws on certificates and keys that do not fit. */
export function buildCluster(config: ClusterConfig, given: BuildDeps): BuiltCluster {
  const deps = { ...given, logger: loggerWith(given.logger, { cluster: config.name }) };
  const tls = clusterTls(config);
  if (tls !== null) createSecureContext(tls);
  const { maxConnections, maxPending } = config.limits;
  const shared = {
    totals: new PoolTotals(maxConnections, maxPending),
    refused: refusedReply(config.name, deps),
  };
  const anyAnswered = (): boolean => cluster.all().some(({ watch }) => watch?.answered === true);
  const cluster: Cluster = new Cluster(clusterSettings(config, deps), {
    ...deps,
    discovery: buildDiscovery(config, deps),
    dial: (endpoint) => ({
      connectTimeoutMs: connectTimeoutOf(config, endpoint.target),
      tls: tls && endpointTls(tls, endpoint.target, endpoint.hostname),
      httpVersion: httpVersionOf(config.protocol),
      replyLimits: replyLimits(config.limits),
    }),
    newPool: (endpoint, onChange) => buildPool(config, endpoint, { ...deps, ...shared }, onChange),
    watchHealth:
      config.health === 'none'
        ? null
        : (endpoint, onChange) => watchHealth(config, endpoint, tls, deps, { anyAnswered, onChange }),
    outlier: buildOutlier(config.outlier, deps, () => clientsChoose(cluster.settings.balancer.policy)),
    localZone: deps.zone,
    authority: (endpoint) => endpointAuthority(config, endpoint),
  });
  return { config, cluster, tls, totals: shared.totals };
}

/** What of a cluster may change while its endpoints stay as they are. */
export function clusterSettings(
  config: ClusterConfig,
  { random, subsetSeed }: Pick<BuildDeps, 'random' | 'subsetSeed'>,
): ClusterSettings {
  return {
    name: config.name,
    protocol: config.protocol,
    balancer: config.balancer,
    affinity: affinityOf(config.balancer),
    requestsMax: config.limits.maxRequests,
    retriesMax: config.limits.maxRetries,
    endpointRequestsMax: config.limits.perEndpoint.maxRequests,
    loadReports: config.loadReports,
    limiter: limiterSettings(config, random),
    subsetting: subsettingSettings(config, subsetSeed),
  };
}

function subsettingSettings({ subsetting }: ClusterConfig, ofProcess: number): SubsettingSettings | null {
  if (subsetting === undefined) return null;
  const { size, seed } = subsetting;
  return { size, seed: seed === undefined ? ofProcess : hash32(seed) };
}

function limiterSettings({ adaptiveConcurrency }: ClusterConfig, random: Random): ClusterSettings['limiter'] {
  if (adaptiveConcurrency === undefined) return null;
  return {
    key: JSON.stringify(adaptiveConcurrency),
    create: () => new GradientLimiter(adaptiveConcurrency, random),
  };
}

function httpVersionOf(protocol: ClusterConfig['protocol']): Endpoint['dial']['httpVersion'] {
  if (protocol === 'http1') return '1.1';
  return protocol === 'http2' ? '2' : '';
}

/** Of replies over HTTP/1.1. */
function replyLimits({ headerListBytes, headerCount }: ClusterConfig['limits']): ParserLimits {
  return { headBytesMax: headerListBytes, fieldsMax: headerCount, chunkExtensionBytesMax };
}

/** What the pools of a cluster share. */
interface PoolDeps extends BuildDeps {
  readonly totals: PoolTotals;
  readonly refused: NonNullable<Http1PoolDeps['refused']>;
}

function buildPool(
  config: ClusterConfig,
  endpoint: Endpoint,
  deps: PoolDeps,
  onChange: () => void,
): StreamPool {
  const { tls, connectTimeoutMs } = endpoint.dial;
  const { limits, protocol, connections } = config;
  const { maxConnections = limits.maxConnections, maxPending = limits.maxPending } = limits.perEndpoint;
  if (protocol === 'tcp' || protocol === 'udp') return noPool;
  const { totals } = deps;
  const shared = { connectTimeoutMs, connectionsMax: maxConnections, pendingMax: maxPending, totals };
  if (protocol === 'http1') {
    const settings = {
      ...shared,
      idleMax: Math.min(maxConnections, idleConnectionsMax),
      idleTimeoutMs: Math.min(connections.idleTimeoutMs, connections.surplusIdleTimeoutMs),
      limits: endpoint.dial.replyLimits,
    };
    const { headCache: heads, refused } = deps;
    return new Http1Pool(endpoint.target, tls, settings, { ...deps, heads, refused });
  }
  const security = tls === null ? 'none' : 'privacy_and_integrity';
  const settings = {
    ...shared,
    life: connectionLife(connections),
    http2: upstreamHttp2(limits, deps),
    // Asked for each connection: the zone of an endpoint may change.
    subchannel: () => deps.subchannels.of({ cluster: config.name, zone: endpoint.zone, security }),
  };
  return new Http2Pool(endpoint.target, tls, settings, deps, onChange);
}

/** Counts and logs what an endpoint sent that is no HTTP/1.1. */
function refusedReply(cluster: string, { logger, clock, refusedReplies }: BuildDeps): PoolDeps['refused'] {
  const limited = rateLimitedLogger(logger, clock);
  return (endpoint, { reason, words, offset }) => {
    refusedReplies.add(cluster, reason);
    limited.warn('connection to an endpoint closed: the endpoint violated HTTP/1.1', {
      endpoint,
      reason: `it sent ${words}`,
      byte: offset,
    });
  };
}

/** What an HTTP/2 connection to an endpoint is held to. */
export function upstreamHttp2(
  limits: ClusterConfig['limits'],
  { bufferBudget: budget, hpackCaches }: Pick<BuildDeps, 'bufferBudget' | 'hpackCaches'>,
): ConnectionOptions {
  return {
    ...connectionDefaults,
    headerListBytesMax: limits.headerListBytes,
    headerFieldsMax: limits.headerCount,
    continuationsMax: limits.maxContinuations,
    glitchesMax: limits.maxGlitches,
    controlFramesMax: limits.maxControlFrames,
    streamsPerTurnMax: repliesPerTurnMax,
    budget,
    hpackCaches,
  };
}

function connectionLife({
  maxAgeMs,
  keepalive,
  ...rest
}: ClusterConfig['connections']): ConnectionLifeSettings {
  return { ...rest, maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY, keepalive: keepalive ?? null };
}
