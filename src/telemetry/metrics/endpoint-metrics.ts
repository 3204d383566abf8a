import type { BucketCounts, Emit, Registry } from './registry.ts';

/** One endpoint of one cluster as it stands now: what the app hands to metrics (and, if it likes, to the admin API). */
export interface EndpointMetrics {
  readonly cluster: string;
  /** `formatAddress` of the endpoint. */
  readonly address: string;
  readonly zone: string;
  readonly priority: number;
  readonly weight: number;
  /** Weight applied now, with slow start and the like. */
  readonly effectiveWeight: number;
  /** May be picked: healthy, not ejected, not draining. */
  readonly usable: boolean;
  /** Health checks say it is well. */
  readonly healthy: boolean;
  /** Attempts in progress. */
  readonly active: number;
  /** Attempts that ended. */
  readonly total: number;
  /** Of these, those that count as errors. */
  readonly errors: number;
  /** What is counted under its name, or of all endpoints without a series of their own. */
  readonly series: EndpointSeries;
  /** How often outlier detection took it out. */
  readonly ejections: number;
  /** The same by what for, in plain words; what never happened is not there. */
  readonly ejectionsByRule: ReadonlyMap<string, number>;
  /** How often health checks changed their mind of it. */
  readonly healthChanges: number;
  /** What it reported of its load; null where no report was accepted. -1 is what it did not report. */
  readonly report: ReportMetrics | null;
  /** Whether it streams its load reports; null or absent where nobody asks it to. */
  readonly reportStreamOpen?: boolean | null;
}

/** The latest load report of an endpoint. */
export interface ReportMetrics {
  /** Reports so far. */
  readonly count: number;
  readonly utilization: number;
  readonly inFlight: number;
  readonly latencyMs: number;
}

export interface EndpointSeries {
  /** Several endpoints of the cluster count here: its label is `other`. */
  readonly isShared: boolean;
  readonly success: number;
  readonly error: number;
  readonly other: number;
  readonly durations: BucketCounts;
  /** Attempts by gRPC method, in the order of the names, those of all others last; null where there were none. */
  readonly methods: Float64Array | null;
  readonly methodSlots: { readonly names: readonly string[] };
}

/** The label of endpoints without a series of their own. */
export const otherEndpoint = 'other';
/** And of methods without one. */
const otherMethod = 'other';

/** `outrigger_endpoint_*` and `outrigger_balance_*`, from one snapshot per collection. */
export function registerEndpointMetrics(
  registry: Registry,
  snapshot: () => readonly EndpointMetrics[],
): void {
  let endpoints: readonly EndpointMetrics[] = [];
  registry.beforeCollect(() => {
    endpoints = []; // rather none than old ones, if there is no snapshot to be had
    endpoints = snapshot();
  });
  const each =
    (value: (endpoint: EndpointMetrics) => number) =>
    (emit: Emit): void => {
      for (const endpoint of endpoints) emit(labelsOf(endpoint), value(endpoint));
    };
  const gauge = (name: string, help: string, value: (endpoint: EndpointMetrics) => number): void =>
    registry.observe('gauge', { name, help, unit: '' }, each(value));

  gauge('outrigger.endpoint.active', 'Attempts in progress at an endpoint.', (e) => e.active);
  registerAttempts(registry, () => endpoints);
  registry.observe(
    'counter',
    { name: 'outrigger.endpoint.errors', help: 'Attempts that failed, by endpoint.', unit: '{attempt}' },
    each((e) => e.errors),
  );
  gauge('outrigger.endpoint.health', '1 while health checks find no fault in an endpoint, else 0.', (e) =>
    Number(e.healthy),
  );
  gauge('outrigger.endpoint.usable', '1 while an endpoint may be picked, else 0.', (e) => Number(e.usable));
  gauge('outrigger.endpoint.weight', 'Weight of an endpoint as configured or discovered.', (e) => e.weight);
  gauge(
    'outrigger.endpoint.effective_weight',
    'Weight of an endpoint now, slow start applied.',
    (e) => e.effectiveWeight,
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.ejections',
      help: 'Ejections of an endpoint by outlier detection.',
      unit: '{ejection}',
    },
    each((e) => e.ejections),
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.ejection_causes',
      help: 'Ejections of an endpoint by outlier detection, by rule.',
      unit: '{ejection}',
    },
    (emit) => {
      for (const endpoint of endpoints)
        for (const [rule, count] of endpoint.ejectionsByRule)
          emit({ ...labelsOf(endpoint), 'outrigger.ejection.cause': rule }, count);
    },
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.health_changes',
      help: 'Changes of the health of an endpoint by health checks.',
      unit: '{change}',
    },
    each((e) => e.healthChanges),
  );
  registerReports(registry, () => endpoints);
  registerBalance(registry, () => endpoints);
}

/** What endpoints report of their load; nothing for those that do not. */
function registerReports(registry: Registry, endpoints: () => readonly EndpointMetrics[]): void {
  const each =
    (value: (report: ReportMetrics) => number) =>
    (emit: Emit): void => {
      for (const endpoint of endpoints()) {
        const reported = endpoint.report === null ? -1 : value(endpoint.report);
        if (reported >= 0) emit(labelsOf(endpoint), reported);
      }
    };
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.load_reports',
      help: 'Load reports of an endpoint that were accepted.',
      unit: '{report}',
    },
    each(({ count }) => count),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.endpoint.reported_in_flight',
      help: 'Requests in flight at an endpoint, from all clients, by its latest load report.',
      unit: '',
    },
    each(({ inFlight }) => inFlight),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.endpoint.reported_utilization',
      help: 'Utilization of an endpoint by its latest load report; 1 is all that it has.',
      unit: '',
    },
    each(({ utilization }) => utilization),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.endpoint.reported_latency',
      help: 'Time to begin a reply, by the latest load report of an endpoint.',
      unit: 's',
    },
    each(({ latencyMs }) => (latencyMs < 0 ? -1 : latencyMs / 1000)),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.endpoint.report_stream_open',
      help: '1 while an endpoint streams load reports, else 0, if loadReports.outOfBand is set.',
      unit: '',
    },
    (emit) => {
      for (const endpoint of endpoints())
        if (typeof endpoint.reportStreamOpen === 'boolean')
          emit(labelsOf(endpoint), Number(endpoint.reportStreamOpen));
    },
  );
}

/** Attempts by how they ended, and how long they took. */
function registerAttempts(registry: Registry, endpoints: () => readonly EndpointMetrics[]): void {
  /** Each series once, however many endpoints share it. */
  const eachSeries = (run: (labels: Record<string, string>, series: EndpointSeries) => void): void => {
    const shown = new Set<EndpointSeries>();
    for (const { cluster, address, series } of endpoints()) {
      if (series.isShared && shown.has(series)) continue;
      shown.add(series);
      run(labelsOf({ cluster, address: series.isShared ? otherEndpoint : address }), series);
    }
  };
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.total',
      prometheus: 'outrigger_endpoint',
      help: 'Attempts that ended, by endpoint.',
      unit: '{attempt}',
      replacedBy: 'outrigger_endpoint_attempts_total',
    },
    (emit) => {
      for (const endpoint of endpoints()) emit(labelsOf(endpoint), endpoint.total);
    },
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.attempts',
      help: 'Attempts that ended, by endpoint and outcome: success, error, other.',
      unit: '{attempt}',
    },
    (emit) =>
      eachSeries((labels, { success, error, other }) => {
        emit({ ...labels, 'outrigger.outcome': 'success' }, success);
        emit({ ...labels, 'outrigger.outcome': 'error' }, error);
        emit({ ...labels, 'outrigger.outcome': 'other' }, other);
      }),
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.method.attempts',
      help: 'Attempts of gRPC calls that ended, by endpoint and method.',
      unit: '{attempt}',
    },
    (emit) =>
      eachSeries((labels, { methods, methodSlots: { names } }) => {
        methods?.forEach((count, slot) => {
          const method = slot === methods.length - 1 ? otherMethod : names[slot];
          if (count > 0 && method !== undefined) emit({ ...labels, 'rpc.method': method }, count);
        });
      }),
  );
  registry.observeHistogram(
    {
      name: 'outrigger.endpoint.attempt.duration',
      help: 'Duration of an attempt, from the pick of the endpoint to the end.',
      unit: 's',
    },
    (emit) => eachSeries((labels, { durations }) => emit(labels, durations)),
  );
}

function registerBalance(registry: Registry, endpoints: () => readonly EndpointMetrics[]): void {
  registry.observe(
    'gauge',
    {
      name: 'outrigger.balance.active_max_over_mean',
      help: 'Attempts in flight per weight: the busiest usable endpoint divided by the mean; 1 is even, 0 is idle.',
      unit: '',
    },
    (emit) => {
      for (const [cluster, members] of byCluster(endpoints())) {
        const loads = members.filter((e) => e.usable && e.weight > 0).map((e) => e.active / e.weight);
        const sum = loads.reduce((a, b) => a + b, 0);
        emit({ 'outrigger.cluster': cluster }, sum === 0 ? 0 : (Math.max(...loads) * loads.length) / sum);
      }
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.balance.share_over_weight',
      help: "Share of the cluster's attempts that an endpoint gets, divided by its share of the weight; 1 is as configured.",
      unit: '',
    },
    (emit) => {
      for (const members of byCluster(endpoints()).values()) {
        const total = members.reduce((sum, e) => sum + e.total, 0);
        const weight = members.reduce((sum, e) => sum + e.weight, 0);
        for (const e of members)
          if (total > 0 && e.weight > 0) emit(labelsOf(e), e.total / total / (e.weight / weight));
      }
    },
  );
}

function labelsOf(endpoint: Pick<EndpointMetrics, 'cluster' | 'address'>): Record<string, string> {
  return { 'outrigger.cluster': endpoint.cluster, 'outrigger.endpoint': endpoint.address };
}

function byCluster(endpoints: readonly EndpointMetrics[]): Map<string, EndpointMetrics[]> {
  const clusters = new Map<string, EndpointMetrics[]>();
  for (const endpoint of endpoints) {
    const members = clusters.get(endpoint.cluster);
    if (members) members.push(endpoint);
    else clusters.set(endpoint.cluster, [endpoint]);
  }
  return clusters;
}
