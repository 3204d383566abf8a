import { type ResourceKind, resourceKinds } from './resource.ts';

/** Type URLs of the resources, API version 3: other versions are no longer served by any control plane. */
export const typeUrls: Readonly<Record<ResourceKind, string>> = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
};

const kinds: ReadonlyMap<string, ResourceKind> = new Map(resourceKinds.map((kind) => [typeUrls[kind], kind]));

/** Returns the kind that a type URL stands for; undefined for a type that Outrigger does not request. */
export function kindOf(typeUrl: string): ResourceKind | undefined {
  return kinds.get(typeUrl);
}
