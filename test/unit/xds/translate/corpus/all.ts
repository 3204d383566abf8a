import type { JsonObject } from '../../../../../src/reflection/json.ts';
import type { ResourceSet } from '../support.ts';
import { envoySet } from './envoy.ts';
import { extensionSet } from './extensions.ts';
import { goControlPlaneSet } from './go-control-plane.ts';
import { istioGrpcSet, istioSidecarSet } from './istio.ts';
import { lbEndpoint, socket } from './shared.ts';

/** Endpoints in two zones and a third place of lower priority, some of them out. */
export const assignment: JsonObject = {
  clusterName: 'orders-endpoints',
  endpoints: [
    {
      locality: { region: 'eu', zone: 'a', subZone: '1' },
      loadBalancingWeight: 2,
      lbEndpoints: [
        lbEndpoint('10.0.0.1', 50051, { healthStatus: 'HEALTHY', loadBalancingWeight: 3 }),
        lbEndpoint('10.0.0.2', 50051, { healthStatus: 'DRAINING' }),
        lbEndpoint('10.0.0.3', 50051, { loadBalancingWeight: 1 }),
      ],
    },
    {
      locality: { region: 'eu' },
      priority: 1,
      lbEndpoints: [
        { endpoint: { hostname: 'orders.example', address: socket('::1', 50051) } },
        lbEndpoint('10.0.0.1', 50051),
        { endpoint: { address: { pipe: { path: '/tmp/orders.sock' } } }, healthStatus: 'UNHEALTHY' },
      ],
    },
  ],
};

export const corpus: Readonly<Record<string, ResourceSet>> = {
  envoy: envoySet,
  extensions: extensionSet,
  goControlPlane: goControlPlaneSet,
  istioGrpc: istioGrpcSet,
  istioSidecar: istioSidecarSet,
};
