import { dnsDiscovery } from './dns-kind.ts';
import { fileDiscovery } from './file-kind.ts';
import { kubernetesDiscovery } from './kubernetes-kind.ts';
import { xdsDiscovery } from './xds-kind.ts';

/** Every discovery source that a cluster may name under `discovery`, in the order of the reference page. */
export const discoverySources = [dnsDiscovery, fileDiscovery, kubernetesDiscovery, xdsDiscovery] as const;

/** Returns whether the source that a `discovery` section names ranks endpoints by the zone of this process (`DiscoveryDeps.localZone`). */
export function usesLocalZone(section: Readonly<Record<string, unknown>>): boolean {
  return discoverySources.some(
    (kind) => 'usesLocalZone' in kind && kind.usesLocalZone && section[kind.name] !== undefined,
  );
}
