import type { HrTime } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import type {
  AggregationTemporality,
  DataPoint,
  DataPointType,
  Histogram,
  MetricData,
  MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { Family, Registry } from './registry.ts';

// The numbers of the SDK's enums, which are its contract with exporters.
const cumulative = 1 as AggregationTemporality.CUMULATIVE;
const histogramType = 0 as DataPointType.HISTOGRAM;
const gaugeType = 2 as DataPointType.GAUGE;
const sumType = 3 as DataPointType.SUM;
const doubleValue = 1;

/**
 * The registry as a source of the SDK's metric readers, so that OTLP carries what Prometheus shows. Sums and
 * histograms are cumulative since now. `wallMs` is milliseconds since the Unix epoch.
 */
export function createMetricProducer(
  registry: Registry,
  scope: InstrumentationScope,
  wallMs: () => number,
): MetricProducer {
  const startTime = hrTime(wallMs());
  return {
    async collect() {
      const endTime = hrTime(wallMs());
      const metrics: MetricData[] = [];
      for (const family of registry.collect()) {
        if (family.prometheusOnly) continue;
        const data = metricData(family, startTime, endTime);
        if (data.dataPoints.length > 0) metrics.push(data);
      }
      // The reader puts its own resource in place of this one.
      return {
        resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      };
    },
  };
}

function metricData(family: Family, startTime: HrTime, endTime: HrTime): MetricData {
  const descriptor = {
    name: family.name,
    description: family.help,
    unit: family.unit,
    valueType: doubleValue,
  };
  if (family.kind === 'histogram') {
    const dataPoints = family.series().map(({ labels, data }): DataPoint<Histogram> => {
      const buckets = { boundaries: [...data.bounds], counts: [...data.counts] };
      return {
        startTime,
        endTime,
        attributes: labels,
        value: { buckets, sum: data.sum, count: data.count },
      };
    });
    return { descriptor, aggregationTemporality: cumulative, dataPointType: histogramType, dataPoints };
  }
  const dataPoints = family
    .series()
    .map(
      (series): DataPoint<number> => ({ startTime, endTime, attributes: series.labels, value: series.value }),
    );
  return family.kind === 'counter' || family.isSum
    ? {
        descriptor,
        aggregationTemporality: cumulative,
        dataPointType: sumType,
        isMonotonic: family.kind === 'counter',
        dataPoints,
      }
    : { descriptor, aggregationTemporality: cumulative, dataPointType: gaugeType, dataPoints };
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1e6)];
}
