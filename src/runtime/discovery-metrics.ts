import type { Registry } from '../telemetry/metrics/registry.ts';
import type { AppState } from './parts.ts';

/** Registers `outrigger_cluster_discovery_*`, of the clusters that discover their endpoints. */
export function registerDiscoveryMetrics(registry: Registry, parts: () => AppState): void {
  const discovering = () => {
    const { config, clusters } = parts().running;
    return config.clusters.flatMap(({ name, discovery }) => {
      const status = discovery === undefined ? undefined : clusters.get(name)?.cluster.discoveryStatus;
      return status === undefined ? [] : [{ name, status }];
    });
  };
  registry.observe(
    'gauge',
    {
      name: 'outrigger.cluster.discovery.failing',
      help: '1 while discovery fails or something is wrong with its answer, else 0.',
      unit: '',
    },
    (emit) => {
      for (const { name, status } of discovering())
        emit({ 'outrigger.cluster': name }, status.lastError === '' ? 0 : 1);
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.cluster.discovery.age',
      help: 'Time since the last good answer of discovery.',
      unit: 's',
    },
    (emit) => {
      const nowMs = parts().deps.clock.now();
      for (const { name, status } of discovering())
        if (status.answered) emit({ 'outrigger.cluster': name }, (nowMs - status.lastAnswerMs) / 1000);
    },
  );
}
