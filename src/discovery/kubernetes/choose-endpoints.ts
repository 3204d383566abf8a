import { formatAddress } from '../../core/address.ts';
import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { Slice, SliceEndpoint } from './slice.ts';
import { portResolver } from './slice-port.ts';

/** What a cluster wants of the slices of a service. */
export interface EndpointQuery {
  /** A name or number; undefined for the only port that there is. */
  readonly port?: string | number | undefined;
  readonly transport: 'TCP' | 'UDP';
  readonly family: 'auto' | 'ipv4' | 'ipv6';
  /** The zone of this process, '' to ignore zones and hints. */
  readonly localZone: string;
  /** What TLS verifies, '' for the addresses. */
  readonly hostname: string;
}

export interface Chosen {
  /** Sorted by address, each address once. */
  readonly endpoints: readonly EndpointSpec[];
  /** What is wrong with the slices, '' for nothing: why there are no endpoints, or fewer than there might be. */
  readonly problem: string;
  /** False where a mistake and not the state of the pods leaves no endpoints: no list is better than the last one then. */
  readonly isAnswer: boolean;
}

/** An endpoint at a port. The same one may be in two slices while Kubernetes moves it from one to the other. */
interface Candidate extends SliceEndpoint {
  readonly port: number;
  readonly family: 4 | 6 | 0;
}

/**
 * Returns the endpoints for new calls: those that are ready, and if none is, those that terminate and still serve. An endpoint that is
 * not in the list finishes its calls and gets no others. Pure.
 */
export function chooseEndpoints(slices: readonly Slice[], query: EndpointQuery): Chosen {
  if (slices.length === 0) return { endpoints: [], problem: noSlices, isAnswer: false };
  const resolver = portResolver(slices, query.port, query.transport);
  const byAddress = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.family === 0 || (query.family !== 'auto' && slice.family !== familyOf(query.family))) continue;
    for (const port of resolver.portsOf(slice))
      for (const endpoint of slice.endpoints) {
        const key = formatAddress({ kind: 'tcp', host: endpoint.host, port });
        const known = byAddress.get(key);
        if (known === undefined || rank(endpoint) < rank(known))
          byAddress.set(key, { ...endpoint, port, family: slice.family });
      }
  }
  const chosen = usableOnes([...byAddress].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one));
  const problem = resolver.problem || (chosen.length === 0 ? whyNone(slices, query, byAddress.size) : '');
  const isAnswer = chosen.length > 0 || resolver.problem === '';
  return { endpoints: withLocality(chosen, query), problem, isAnswer };
}

export const noSlices =
  'the API server has no EndpointSlice of it; check its name and namespace. A Service of type ExternalName has none either: use discovery.dns for it';

function rank({ state }: SliceEndpoint): number {
  return state === 'ready' ? 0 : state === 'terminating' ? 1 : 2;
}

function familyOf(family: 'ipv4' | 'ipv6'): 4 | 6 {
  return family === 'ipv4' ? 4 : 6;
}

/** A pod of a dual-stack service is in slices of both families, and would count twice: so one family is used. */
function usableOnes(candidates: readonly Candidate[]): readonly Candidate[] {
  for (const state of ['ready', 'terminating'])
    for (const family of [4, 6]) {
      const found = candidates.filter((one) => one.state === state && one.family === family);
      if (found.length > 0) return found;
    }
  return [];
}

function whyNone(slices: readonly Slice[], { family }: EndpointQuery, known: number): string {
  if (known > 0) return `none of its ${pluralize(known, 'endpoint')} is ready`;
  const endpoints = slices.reduce((sum, slice) => sum + slice.endpoints.length, 0);
  if (endpoints === 0) return 'it has no endpoints';
  if (slices.every((slice) => slice.family === 0))
    return 'its slices have host names (addressType FQDN), which Outrigger does not use; use discovery.dns';
  return `it has no ${family === 'ipv6' ? 'IPv6' : 'IPv4'} endpoints; check discovery.kubernetes.family`;
}

/**
 * Zones as the balancer knows them. If the control plane gave every endpoint a hint, and some are for the local zone, these come
 * first whatever their own zone is, and the others stand in for them: that is priority 0 and 1. As for kube-proxy, hints that leave
 * an endpoint out, or the local zone, count for nothing.
 */
function withLocality(chosen: readonly Candidate[], { localZone, hostname }: EndpointQuery): EndpointSpec[] {
  const isHinted = ({ hintZones }: Candidate) => hintZones.includes(localZone);
  const useHints =
    localZone !== '' && chosen.every(({ hintZones }) => hintZones.length > 0) && chosen.some(isHinted);
  return chosen.map((one) => ({
    address: { kind: 'tcp', host: one.host, port: one.port },
    hostname,
    weight: 1,
    zone: useHints && isHinted(one) ? localZone : one.zone,
    priority: useHints && !isHinted(one) ? 1 : 0,
  }));
}
