import { createSecureContext, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { ClusterConfig, OutlierConfig } from '../config/table.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { type HealthSettings, startHealthChecker } from '../health/checker.ts';
import { grpcProbe } from '../health/grpc-probe.ts';
import { httpProbe } from '../health/http-probe.ts';
import { type OutlierDetector, outlierDetector } from '../health/outlier.ts';
import type { Probe, ProbeTls } from '../health/probe.ts';
import { tcpProbe } from '../health/tcp-probe.ts';
import type { Endpoint, HealthWatch } from '../upstream/endpoint.ts';

interface HealthDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Outlier detection as configured; null for `outlier: none`. */
export function buildOutlier(config: OutlierConfig, deps: HealthDeps): OutlierDetector | null {
  if (config === 'none') return null;
  const { successRate = null, failurePercentage = null } = config;
  return outlierDetector({ ...deps, settings: { ...config, successRate, failurePercentage } });
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
    // An endpoint that joins others need not be believed in unseen.
    initialState: health.initialState === 'healthy' && !anyAnswered ? 'healthy' : 'unknown',
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
      ...health.grpc,
      ...probeTls(tls),
    });
  }
  return tcpProbe(endpoint.target, clock);
}

function probeTls(tls: TlsConnectionOptions | null): { tls?: ProbeTls } {
  return tls === null ? {} : { tls: { secureContext: createSecureContext(tls), serverName: tls.servername } };
}
