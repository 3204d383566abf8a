import { dnsDiscovery } from './dns-kind.ts';
import { fileDiscovery } from './file-kind.ts';
import { kubernetesDiscovery } from './kubernetes-kind.ts';

/** Every discovery source that a cluster may name under `discovery`, in the order of the reference page. */
export const discoverySources = [dnsDiscovery, fileDiscovery, kubernetesDiscovery] as const;
