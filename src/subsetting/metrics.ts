import type { Registry } from '../telemetry/metrics/registry.ts';

/** What subsetting did in one cluster. */
export interface SubsetFacts {
  /** As configured: endpoints of each priority. */
  readonly size: number;
  /** Endpoints that the subset was chosen from. */
  readonly discovered: number;
}

/** `outrigger_subsetting_*`, of the clusters that have `subsetting`. */
export function registerSubsettingMetrics(
  registry: Registry,
  clusters: () => Iterable<{ readonly name: string; readonly subsetting: SubsetFacts | null }>,
): void {
  registry.observe(
    'gauge',
    {
      name: 'outrigger.subsetting.discovered_endpoints',
      help: 'Endpoints that subsetting chooses from; outrigger_cluster_endpoints are those that it chose.',
      unit: '',
    },
    (emit) => {
      for (const { name, subsetting } of clusters())
        if (subsetting !== null) emit({ 'outrigger.cluster': name }, subsetting.discovered);
    },
  );
}
