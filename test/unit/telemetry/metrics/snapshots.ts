import type { EndpointMetrics } from '../../../../src/telemetry/metrics/endpoint-metrics.ts';
import { EndpointSeries } from '../../../../src/upstream/endpoint-series.ts';

/** A healthy endpoint of weight 1; `over` says what differs. */
export function endpointSnapshot(over: Partial<EndpointMetrics> = {}): EndpointMetrics {
  return {
    cluster: 'greeter',
    address: '127.0.0.1:50051',
    zone: '',
    priority: 0,
    weight: 1,
    effectiveWeight: 1,
    usable: true,
    healthy: true,
    active: 0,
    total: 0,
    errors: 0,
    series: new EndpointSeries(false),
    ejections: 0,
    ejectionsByRule: new Map(),
    report: null,
    healthChanges: 0,
    ...over,
  };
}
