import { formatAddress } from '../../core/address.ts';
import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import { readAddress } from './address.ts';
import {
  assignmentFields,
  endpointFields,
  lbEndpointFields,
  localityEndpointsFields,
  localityFields,
} from './fields/cluster-fields.ts';
import type { MessageReader } from './message-reader.ts';
import type { Translation } from './model.ts';
import { type TranslatedResource, translation } from './translation.ts';

/** Weights as endpoints of the configuration have them. */
const weightMax = 1_000_000;
const priorityMax = 127;
const zoneCharsMax = 64;

/**
 * Translates a ClusterLoadAssignment to the list of endpoints that discovery publishes. Endpoints that the control plane
 * reports as unhealthy or draining are not in it. An address that occurs twice counts once, at its first place.
 */
export function endpointsOf(resource: TranslatedResource): Translation<readonly EndpointSpec[]> {
  return translation(resource, assignmentFields, (reader) => {
    reader.text('cluster_name');
    return readAssignment(reader);
  });
}

export function readAssignment(assignment: MessageReader): EndpointSpec[] {
  const byAddress = new Map<string, EndpointSpec>();
  for (const locality of assignment.messages('endpoints', localityEndpointsFields)) {
    for (const endpoint of readLocality(locality)) {
      const key = formatAddress(endpoint.address);
      if (!byAddress.has(key)) byAddress.set(key, endpoint);
      else locality.warning('lb_endpoints', 'has an address for the second time, which is left out');
    }
  }
  return normalized([...byAddress.values()]);
}

function readLocality(reader: MessageReader): EndpointSpec[] {
  const place = reader.message('locality', localityFields);
  const zone = (place?.text('zone') || place?.text('region') || '').slice(0, zoneCharsMax);
  const priority = reader.number('priority') ?? 0;
  if (!Number.isInteger(priority) || priority < 0 || priority > priorityMax)
    reader.problem('priority', `${priority} is not a priority; send a whole number from 0 to ${priorityMax}`);
  const endpoints = reader.messages('lb_endpoints', lbEndpointFields).flatMap((endpoint) => {
    const spec = readEndpoint(endpoint, zone, priority);
    return spec ?? [];
  });
  const share = reader.number('load_balancing_weight');
  if (share === undefined) return endpoints;
  // A weight of the locality is shared by its endpoints.
  const sum = endpoints.reduce((total, { weight }) => total + weight, 0);
  return endpoints.map((spec) => ({ ...spec, weight: (Math.max(share, 1) * spec.weight) / sum }));
}

const withoutRequests: ReadonlySet<string> = new Set(['UNHEALTHY', 'DRAINING', 'TIMEOUT']);

function readEndpoint(reader: MessageReader, zone: string, priority: number): EndpointSpec | undefined {
  const weight = reader.number('load_balancing_weight') ?? 1;
  if (!(weight >= 1)) reader.problem('load_balancing_weight', `${weight} is below 1; send a larger weight`);
  const inside = reader.message('endpoint', endpointFields);
  if (inside === undefined) {
    reader.problem('endpoint', 'is missing; send an endpoint with an address');
    return undefined;
  }
  const hostname = inside.text('hostname');
  const address = readAddress(inside, 'address');
  if (address === undefined || withoutRequests.has(reader.text('health_status'))) return undefined;
  return { address, ...(hostname === '' ? {} : { hostname }), weight, zone, priority };
}

/** Weights of at least 1 in the same proportion, as far as they are within the limits. */
function normalized(endpoints: readonly EndpointSpec[]): EndpointSpec[] {
  let least = Number.POSITIVE_INFINITY;
  for (const { weight } of endpoints) least = Math.min(least, weight);
  const scale = least < 1 ? 1 / least : 1;
  return endpoints.map((spec) => ({ ...spec, weight: Math.min(weightMax, spec.weight * scale) }));
}
