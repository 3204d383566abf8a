import type { Registry } from '../telemetry/metrics/registry.ts';
import type { Cluster } from '../upstream/cluster.ts';

/** Registers `outrigger_zone_*`, of the clusters with `balancer.zoneSpill`. */
export function registerZoneMetrics(
  registry: Registry,
  clusters: () => Iterable<Pick<Cluster, 'name' | 'zoneSpill'>>,
): void {
  registry.observe(
    'gauge',
    {
      name: 'outrigger.zone.kept_ratio',
      help: 'Part of the requests for the own zone that stays there by zoneSpill; 1 is all of them.',
      unit: '',
    },
    (emit) => {
      for (const { name, zoneSpill } of clusters())
        if (zoneSpill !== null) emit({ 'outrigger.cluster': name }, zoneSpill.kept);
    },
  );
}
