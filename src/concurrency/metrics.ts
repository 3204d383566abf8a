import type { Emit, Registry } from '../telemetry/metrics/registry.ts';

/** What is shown of the limiter of one cluster. */
export interface ShownLimiter {
  readonly limit: number;
  readonly inFlight: number;
  readonly refused: number;
  readonly baseLatencyMs: number;
}

/** `outrigger_concurrency_*`, of the clusters that have a limiter. */
export function registerConcurrencyMetrics(
  registry: Registry,
  clusters: () => Iterable<{ readonly name: string; readonly limiter: ShownLimiter | null }>,
): void {
  const each =
    (value: (limiter: ShownLimiter) => number) =>
    (emit: Emit): void => {
      for (const { name, limiter } of clusters())
        if (limiter !== null) emit({ 'outrigger.cluster': name }, value(limiter));
    };
  registry.observe(
    'gauge',
    {
      name: 'outrigger.concurrency.limit',
      help: 'Limit that adaptiveConcurrency sets on requests that wait for the start of their reply.',
      unit: '',
    },
    each(({ limit }) => limit),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.concurrency.in_flight',
      help: 'Requests that wait for the start of their reply, if adaptiveConcurrency is on.',
      unit: '',
    },
    each(({ inFlight }) => inFlight),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.concurrency.base_latency',
      help: 'Latency without queueing, as adaptiveConcurrency measured it; 0 if unknown.',
      unit: 's',
    },
    each(({ baseLatencyMs }) => baseLatencyMs / 1000),
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.concurrency.refused',
      help: 'Attempts that adaptiveConcurrency refused.',
      unit: '{attempt}',
    },
    each(({ refused }) => refused),
  );
}
