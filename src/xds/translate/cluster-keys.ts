import type { Json, JsonObject } from '../../reflection/json.ts';
import {
  circuitBreakerFields,
  grpcCheckFields,
  healthCheckFields,
  httpCheckFields,
  outlierFields,
  rangeFields,
  tcpCheckFields,
  thresholdFields,
} from './fields/cluster-fields.ts';
import type { MessageReader } from './message-reader.ts';
import { clamp, definedKeys, durationText } from './translation.ts';

const hourMs = 3_600_000;
/** Of Envoy. */
const defaults = { interval: 10_000, baseEjection: 30_000, maxEjection: 300_000, maxEjectedPercent: 10 };
const statusesMax = 50;

/** Reads outlier detection: the key `outlier`. Without it, no endpoint is ejected, as in Envoy. */
export function readOutlier(cluster: MessageReader): Json {
  const reader = cluster.message('outlier_detection', outlierFields);
  if (reader === undefined) return 'none';
  const base = reader.durationMs('base_ejection_time') ?? defaults.baseEjection;
  const max = Math.max(base, reader.durationMs('max_ejection_time') ?? defaults.maxEjection);
  return definedKeys({
    consecutiveErrors: consecutiveErrors(reader),
    successRate: successRate(reader),
    failurePercentage: failurePercentage(reader),
    interval: durationText(reader.durationMs('interval') ?? defaults.interval, { min: 10, max: hourMs }),
    baseEjection: durationText(base, { min: 10, max: hourMs }),
    maxEjection: durationText(max, { min: 10 }),
    maxEjectedPercent: clamp(
      Math.trunc(reader.number('max_ejection_percent') ?? defaults.maxEjectedPercent),
      0,
      100,
    ),
  });
}

function consecutiveErrors(reader: MessageReader): number {
  const errors = reader.number('consecutive_5xx') ?? 5;
  const gateway = reader.number('consecutive_gateway_failure') ?? 5;
  const enforced = (reader.number('enforcing_consecutive_5xx') ?? 100) > 0;
  const enforcedGateway = (reader.number('enforcing_consecutive_gateway_failure') ?? 0) > 0;
  const counts = [...(enforced ? [errors] : []), ...(enforcedGateway ? [gateway] : [])];
  const positive = counts.filter((count) => count > 0);
  return positive.length === 0 ? 0 : clamp(Math.trunc(Math.min(...positive)), 1, 10_000);
}

function successRate(reader: MessageReader): JsonObject | undefined {
  const factor = (reader.number('success_rate_stdev_factor') ?? 1900) / 1000;
  const keys = {
    stdevFactor: clamp(factor, 0.1, 100),
    minEndpoints: clamp(Math.trunc(reader.number('success_rate_minimum_hosts') ?? 5), 1, 10_000),
    minCalls: clamp(Math.trunc(reader.number('success_rate_request_volume') ?? 100), 1, 1_000_000),
  };
  return (reader.number('enforcing_success_rate') ?? 100) > 0 ? keys : undefined;
}

function failurePercentage(reader: MessageReader): JsonObject | undefined {
  const keys = {
    threshold: clamp(Math.trunc(reader.number('failure_percentage_threshold') ?? 85), 1, 100),
    minEndpoints: clamp(Math.trunc(reader.number('failure_percentage_minimum_hosts') ?? 5), 1, 10_000),
    minCalls: clamp(Math.trunc(reader.number('failure_percentage_request_volume') ?? 50), 1, 1_000_000),
  };
  return (reader.number('enforcing_failure_percentage') ?? 0) > 0 ? keys : undefined;
}

/** Reads circuit breakers: the key `limits`; undefined for none. */
export function readLimits(cluster: MessageReader): JsonObject | undefined {
  const reader = cluster.message('circuit_breakers', circuitBreakerFields);
  const ofAll = reader?.messages('thresholds', thresholdFields).find(isDefaultPriority);
  const ofHost = reader?.messages('per_host_thresholds', thresholdFields).find(isDefaultPriority);
  const count = (from: MessageReader | undefined, name: string, min: number, max: number) => {
    const value = from?.number(name);
    return value === undefined ? undefined : clamp(Math.trunc(value), min, max);
  };
  const perEndpoint = definedKeys({
    maxRequests: count(ofHost, 'max_requests', 1, 10_000_000),
    maxConnections: count(ofHost, 'max_connections', 1, 1_000_000),
    maxPending: count(ofHost, 'max_pending_requests', 1, 1_000_000),
  });
  const limits = definedKeys({
    maxConnections: count(ofAll, 'max_connections', 1, 1_000_000),
    maxPending: count(ofAll, 'max_pending_requests', 1, 1_000_000),
    maxRequests: count(ofAll, 'max_requests', 1, 10_000_000),
    maxRetries: count(ofAll, 'max_retries', 0, 10_000_000),
    perEndpoint: Object.keys(perEndpoint).length === 0 ? undefined : perEndpoint,
  });
  return Object.keys(limits).length === 0 ? undefined : limits;
}

function isDefaultPriority(thresholds: MessageReader): boolean {
  return (thresholds.text('priority') || 'DEFAULT') === 'DEFAULT';
}

/** Reads the first health check: the key `health`. */
export function readHealth(cluster: MessageReader): Json {
  const [reader, second] = cluster.messages('health_checks', healthCheckFields);
  if (second !== undefined) cluster.warning('health_checks', 'only the first health check is used');
  if (reader === undefined) return 'none';
  const kind = readProbe(reader);
  const interval = clamp(reader.durationMs('interval') ?? 5000, 10, hourMs);
  const noTraffic = reader.durationMs('no_traffic_interval') ?? 60_000;
  return definedKeys({
    ...kind,
    interval: durationText(interval),
    timeout: durationText(reader.durationMs('timeout') ?? 1000, { max: hourMs }),
    unhealthyThreshold: clamp(Math.trunc(reader.number('unhealthy_threshold') ?? 3), 1, 100),
    healthyThreshold: clamp(Math.trunc(reader.number('healthy_threshold') ?? 1), 1, 100),
    noTrafficInterval: durationText(Math.max(interval, noTraffic), { max: hourMs }),
  });
}

function readProbe(reader: MessageReader): JsonObject {
  const http = reader.message('http_health_check', httpCheckFields);
  if (http !== undefined) {
    const host = http.text('host');
    const statuses = http.messages('expected_statuses', rangeFields).flatMap((range) => {
      const [start, end] = [range.number('start') ?? 0, range.number('end') ?? 0];
      const count = clamp(Math.trunc(end - start), 0, statusesMax);
      return Array.from({ length: count }, (_, i) => start + i);
    });
    return {
      http: definedKeys({
        path: http.text('path') || '/',
        host: host === '' ? undefined : host,
        statuses: statuses.length === 0 ? undefined : statuses.slice(0, statusesMax),
      }),
    };
  }
  const grpc = reader.message('grpc_health_check', grpcCheckFields);
  if (grpc !== undefined) {
    const authority = grpc.text('authority');
    return {
      grpc: { service: grpc.text('service_name'), ...(authority === '' ? {} : { authority }) },
    };
  }
  if (reader.message('tcp_health_check', tcpCheckFields) === undefined)
    reader.problem('', 'has no kind; send http_health_check, grpc_health_check or tcp_health_check');
  return { tcp: {} };
}
