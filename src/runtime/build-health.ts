import { createSecureContext, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { ClusterConfig, OutlierConfig } from '../config/table.ts';
import { formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { type HealthSettings, startHealthChecker } from '../health/checker.ts';
import { type OutlierDetector, outlierDetector } from '../health/outlier.ts';
import type { Probe } from '../health/probe.ts';
import { type ProbeDeps, probeKinds, tcpHealth } from '../health/probe-kinds.ts';
import type { ProbeTls } from '../health/probe-socket.ts';
import { chosenKind } from '../schema/kind.ts';
import { endpointTls } from '../security/endpoint-tls.ts';
import type { Endpoint, HealthWatch } from '../upstream/endpoint.ts';

interface HealthDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Outlier detection as configured; null for `outlier: none`. `clientsChoose`: see `RateSettings`. */
export function buildOutlier(
  config: OutlierConfig,
  deps: HealthDeps,
  clientsChoose: () => boolean,
): OutlierDetector | null {
  if (config === 'none') return null;
  const { successRate = null, failurePercentage = null } = config;
  return outlierDetector({ ...deps, clientsChoose, settings: { ...config, successRate, failurePercentage } });
}

/** Begins to probe an endpoint of a cluster whose `health` is not `none`. */
export function watchHealth(
  config: ClusterConfig,
  endpoint: Endpoint,
  tls: TlsConnectionOptions | null,
  deps: HealthDeps,
  cluster: {
    /** Has a probe of any of its endpoints been answered? */
    anyAnswered(): boolean;
    onChange(): void;
  },
): HealthWatch {
  const health = config.health as Exclude<ClusterConfig['health'], 'none'>;
  let totalSeen = endpoint.total;
  let answersSeen = endpoint.answers;
  return startHealthChecker({
    ...deps,
    endpoint: endpoint.address,
    probe: buildProbe(config, endpoint, tls, deps.clock),
    settings: healthSettings(health, cluster.anyAnswered()),
    hadTraffic: () => {
      const had = endpoint.total !== totalSeen || endpoint.active > 0;
      totalSeen = endpoint.total;
      return had;
    },
    callsSucceeded: () => {
      const succeeded = endpoint.answers !== answersSeen;
      answersSeen = endpoint.answers;
      return succeeded;
    },
    onChange: cluster.onChange,
  });
}

function healthSettings(
  health: Exclude<ClusterConfig['health'], 'none'>,
  anyAnswered: boolean,
): HealthSettings {
  return {
    intervalMs: health.intervalMs,
    timeoutMs: health.timeoutMs,
    unhealthyThreshold: health.unhealthyThreshold,
    healthyThreshold: health.healthyThreshold,
    noTrafficIntervalMs: health.noTrafficIntervalMs ?? null,
    jitter: 0.1,
    inconclusive: health.inconclusive,
    // An endpoint that joins others need not be believed in unseen.
    initialState: health.initialState === 'healthy' && !anyAnswered ? 'healthy' : 'unknown',
  };
}

function buildProbe(
  config: ClusterConfig,
  endpoint: Endpoint,
  clusterTls: TlsConnectionOptions | null,
  clock: Clock,
): Probe {
  const health = config.health as Exclude<ClusterConfig['health'], 'none'>;
  const deps: ProbeDeps = {
    address: endpoint.target,
    clock,
    tls: probeTls(endpoint, clusterTls),
    authority: endpointAuthority(config, endpoint),
    protocol: config.protocol,
  };
  return chosenKind(probeKinds, health)?.create(deps) ?? tcpHealth.create({}, deps);
}

/**
 * Returns the authority of requests that have no client: the host that led to the endpoint, with its port. The zone of an IPv6 address
 * is of this machine alone (RFC 6874).
 */
export function endpointAuthority({ tls }: ClusterConfig, { target, hostname }: Endpoint): string {
  if (tls?.serverName !== undefined) return tls.serverName;
  if (target.kind === 'unix') return 'localhost';
  return formatAddress({ ...target, host: hostname || target.host.replace(/%.*$/, '') });
}

/** What calls to the endpoint use; its certificates are parsed once and not for each probe. */
function probeTls({ target, hostname }: Endpoint, tls: TlsConnectionOptions | null): ProbeTls {
  return tls === null
    ? undefined
    : { ...endpointTls(tls, target, hostname), secureContext: createSecureContext(tls) };
}
