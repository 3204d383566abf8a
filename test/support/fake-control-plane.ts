import type { ControlPlaneSnapshot, ResourceKindSnapshot } from '../../src/admin/control-plane-snapshot.ts';

const kind: ResourceKindSnapshot = {
  kind: 'route',
  requested: 1,
  version: '7',
  resources: 3,
  missing: [],
  refused: [],
  lastAckAtMs: 1_000,
  lastNackAtMs: null,
  lastNack: '',
  acks: 2,
  nacks: 0,
};

/** What `/xds` knows of a control plane that is connected and has sent routes, with other facts in place of some. */
export function fakeControlPlane(
  { refused = [], ...facts }: Partial<ResourceKindSnapshot> = {},
  snapshot: Partial<ControlPlaneSnapshot> = {},
): ControlPlaneSnapshot {
  return {
    server: 'plane:18000',
    delta: false,
    connected: true,
    sinceMs: 5_000,
    controlPlane: 'istiod',
    lastError: '',
    staleMs: 0,
    applied: true,
    refused: '',
    warnings: [],
    waiting: [],
    kinds: [{ ...kind, ...facts, refused }],
    ...snapshot,
  };
}
