import type { Emit, Registry } from './registry.ts';

/** One endpoint of one cluster as it stands now: what the app hands to metrics (and, if it likes, to the admin API). */
export interface EndpointSnapshot {
  readonly cluster: string;
  /** `formatAddress` of the endpoint. */
  readonly address: string;
  readonly zone: string;
  readonly priority: number;
  readonly weight: number;
  /** Weight in force now: slow start and the like applied. */
  readonly effectiveWeight: number;
  /** May be picked: healthy, not ejected, not draining. */
  readonly usable: boolean;
  /** Health checks say it is well. */
  readonly healthy: boolean;
  /** Attempts in progress. */
  readonly active: number;
  /** Attempts ever begun. */
  readonly total: number;
  /** Attempts ever that failed. */
  readonly errors: number;
  /** How often outlier detection took it out. */
  readonly ejections: number;
  /** The same by what for, in plain words; what never happened is not there. */
  readonly ejectionsByRule: ReadonlyMap<string, number>;
  /** How often health checks changed their mind of it. */
  readonly healthChanges: number;
}

/** `outrigger_endpoint_*` and `outrigger_balance_*`, from one snapshot per collection. */
export function registerEndpointMetrics(
  registry: Registry,
  snapshot: () => readonly EndpointSnapshot[],
): void {
  let endpoints: readonly EndpointSnapshot[] = [];
  registry.beforeCollect(() => {
    endpoints = []; // rather none than old ones, if there is no snapshot to be had
    endpoints = snapshot();
  });
  const each =
    (value: (endpoint: EndpointSnapshot) => number) =>
    (emit: Emit): void => {
      for (const endpoint of endpoints) emit(labelsOf(endpoint), value(endpoint));
    };
  const gauge = (name: string, help: string, value: (endpoint: EndpointSnapshot) => number): void =>
    registry.observe('gauge', { name, help, unit: '' }, each(value));

  gauge('outrigger.endpoint.active', 'Attempts in progress at an endpoint.', (e) => e.active);
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.attempts',
      prometheus: 'outrigger_endpoint',
      help: 'Attempts begun at an endpoint.',
      unit: '{attempt}',
    },
    each((e) => e.total),
  );
  registry.observe(
    'counter',
    { name: 'outrigger.endpoint.errors', help: 'Attempts that failed at an endpoint.', unit: '{attempt}' },
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
      help: 'Times that outlier detection took an endpoint out.',
      unit: '{ejection}',
    },
    each((e) => e.ejections),
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.endpoint.ejection_causes',
      help: 'Times that outlier detection took an endpoint out, by what it was for.',
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
      help: 'Times that the health of an endpoint changed, by health checks.',
      unit: '{change}',
    },
    each((e) => e.healthChanges),
  );
  registerBalance(registry, () => endpoints);
}

function registerBalance(registry: Registry, endpoints: () => readonly EndpointSnapshot[]): void {
  registry.observe(
    'gauge',
    {
      name: 'outrigger.balance.active_max_over_mean',
      help: 'Active attempts per weight: the busiest usable endpoint against the mean; 1 is even, 0 is idle.',
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
      help: "An endpoint's share of its cluster's attempts over its share of the weight; 1 is as configured.",
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

function labelsOf(endpoint: EndpointSnapshot): Record<string, string> {
  return { 'outrigger.cluster': endpoint.cluster, 'outrigger.endpoint': endpoint.address };
}

function byCluster(endpoints: readonly EndpointSnapshot[]): Map<string, EndpointSnapshot[]> {
  const clusters = new Map<string, EndpointSnapshot[]>();
  for (const endpoint of endpoints) {
    const members = clusters.get(endpoint.cluster);
    if (members) members.push(endpoint);
    else clusters.set(endpoint.cluster, [endpoint]);
  }
  return clusters;
}
