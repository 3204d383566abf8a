import type { ControlPlane, KubernetesObject } from './cluster.ts';

export const namespace = 'shop';

export interface PodEndpoint {
  readonly address: string;
  readonly state?: 'ready' | 'terminating' | 'unready';
  readonly zone?: string;
}

/** An EndpointSlice of a service, as the controller would write it. */
export function endpointSlice(
  service: string,
  suffix: string,
  endpoints: readonly PodEndpoint[],
  port = 50_051,
): KubernetesObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-${suffix}`,
      namespace,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: 'grpc', port, protocol: 'TCP' }],
    endpoints: endpoints.map(({ address, state = 'ready', zone }) => ({
      addresses: [address],
      conditions: {
        ready: state === 'ready',
        serving: state !== 'unready',
        terminating: state === 'terminating',
      },
      ...(zone && { zone }),
    })),
  };
}

export function putSlice(cluster: ControlPlane, ...args: Parameters<typeof endpointSlice>): Promise<unknown> {
  return cluster.apply(endpointSlice(...args));
}

/** What docs/kubernetes-discovery.md tells to apply, for one service account. */
export function roleFor(account: string): KubernetesObject[] {
  const name = `${account}-outrigger`;
  const group = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: { name, namespace },
      rules: [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: group, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ];
}
