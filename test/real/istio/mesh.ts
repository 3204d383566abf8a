/** Resources of Istio for one service, `greeter.example`, with versions v1 and v2. */

export const host = 'greeter.example';
const apiVersion = 'networking.istio.io/v1';
const metadata = { name: 'greeter', namespace: 'default' };

export interface Replica {
  readonly address: string;
  readonly version: 'v1' | 'v2';
}

/** A part of a mesh; what is not said is a VirtualService that sends everything to v1. */
export interface Mesh {
  readonly replicas: readonly Replica[];
  readonly http?: readonly object[];
  readonly trafficPolicy?: object;
  /** Of the subset v2. */
  readonly v2?: object;
  /** More resources. */
  readonly others?: readonly object[];
}

export const to = (subset: string, weight?: number) => ({ destination: { host, subset }, weight });

/**
 * @param port the port of the service, on which a sidecar listens
 * @param version the name of the routes, by which a test knows that they have arrived
 */
export function meshOf(
  port: number,
  version: string,
  { replicas, http = [{ route: [to('v1')] }], trafficPolicy, v2, others = [] }: Mesh,
): object[] {
  const endpoints = replicas.map(({ address, version }) => {
    const [ip, own] = address.split(':');
    return { address: ip, ports: { grpc: Number(own) }, labels: { version } };
  });
  return [
    ...others,
    {
      apiVersion,
      kind: 'ServiceEntry',
      metadata,
      spec: {
        hosts: [host],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        ports: [{ number: port, name: 'grpc', protocol: 'GRPC', targetPort: endpoints[0].ports.grpc }],
        endpoints,
      },
    },
    {
      apiVersion,
      kind: 'DestinationRule',
      metadata,
      spec: {
        host,
        trafficPolicy: trafficPolicy ?? { loadBalancer: { simple: 'LEAST_REQUEST' } },
        subsets: [
          { name: 'v1', labels: { version: 'v1' } },
          { name: 'v2', labels: { version: 'v2' }, ...(v2 && { trafficPolicy: v2 }) },
        ],
      },
    },
    {
      apiVersion,
      kind: 'VirtualService',
      metadata,
      spec: { hosts: [host], http: http.map((route, i) => ({ ...route, name: `${version}-${i}` })) },
    },
  ];
}

/** A `Sidecar` that gives a workload an inbound listener before its own server. */
export function inboundOf(port: number, app: string): object {
  const [ip, own] = app.split(':');
  return {
    apiVersion,
    kind: 'Sidecar',
    metadata: { name: 'inbound', namespace: 'default' },
    spec: {
      ingress: [
        {
          port: { number: port, name: 'grpc', protocol: 'GRPC' },
          bind: '127.0.0.1',
          defaultEndpoint: `${ip}:${own}`,
        },
      ],
      egress: [{ hosts: ['./*'] }],
    },
  };
}
