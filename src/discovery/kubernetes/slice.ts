import { isIP } from 'node:net';
import type { Result } from '../../core/result.ts';

/** What Outrigger reads of an EndpointSlice (discovery.k8s.io/v1). */
export interface Slice {
  readonly name: string;
  /** Of all of its addresses; 0 for host names (`FQDN`). */
  readonly family: 4 | 6 | 0;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SlicePort {
  /** '' for the unnamed port of a service that has only one. */
  readonly name: string;
  /** Null where the slice leaves it to whoever connects. */
  readonly port: number | null;
  readonly protocol: string;
}

export interface SliceEndpoint {
  readonly host: string;
  readonly state: EndpointState;
  /** '' where Kubernetes knows none. */
  readonly zone: string;
  /** Zones whose clients should use the endpoint, as the control plane suggests; empty for no suggestion. */
  readonly hintZones: readonly string[];
}

/**
 * Whether an endpoint is fit for new calls. `ready`: yes. `terminating`: it shuts down and still serves, so it takes calls that have
 * no other place to go, as kube-proxy sends connections. `unfit`: no.
 */
export type EndpointState = 'ready' | 'terminating' | 'unfit';

const nameCharsMax = 253;
/** Of a slice, as the API server allows at the most. */
const portsMax = 100;
const endpointsMax = 1000;
/** The API allows 8. */
const hintsMax = 8;

/** Reads the object of an event or an item of a list, or returns why it is not an EndpointSlice. Never throws. */
export function parseSlice(value: unknown): Result<Slice> {
  const name = nameOf(value);
  if (name === '') return { error: 'an object without a name' };
  const { addressType, ports, endpoints } = value as Partial<Record<string, unknown>>;
  const family = addressType === 'IPv4' ? 4 : addressType === 'IPv6' ? 6 : addressType === 'FQDN' ? 0 : null;
  if (family === null) return { error: `slice ${name} has no known addressType` };
  const rawPorts = listOf(ports, portsMax);
  const rawEndpoints = listOf(endpoints, endpointsMax);
  if (rawPorts === null) return { error: `slice ${name} has no list of at most ${portsMax} ports` };
  if (rawEndpoints === null)
    return { error: `slice ${name} has no list of at most ${endpointsMax} endpoints` };
  const parsedPorts = rawPorts.map(parsePort);
  const parsedEndpoints = rawEndpoints.map((endpoint) => parseEndpoint(endpoint, family));
  const badPort = parsedPorts.indexOf(null);
  const badEndpoint = parsedEndpoints.indexOf(null);
  if (badPort >= 0) return { error: `slice ${name}: ports[${badPort}] is malformed` };
  if (badEndpoint >= 0)
    return { error: `slice ${name}: endpoints[${badEndpoint}] has no ${addressType} address` };
  return {
    value: { name, family, ports: parsedPorts as SlicePort[], endpoints: parsedEndpoints as SliceEndpoint[] },
  };
}

/** Returns `metadata.name` of an object, '' where there is none. */
export function nameOf(value: unknown): string {
  const name = recordOf(recordOf(value).metadata).name;
  return typeof name === 'string' && name.length <= nameCharsMax && /^[a-z0-9.-]+$/.test(name) ? name : '';
}

/** Returns the keys of an object; anything else has none. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Go writes an empty list as `null`. */
function listOf(value: unknown, itemsMax: number): readonly unknown[] | null {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) && value.length <= itemsMax ? value : null;
}

function parsePort(value: unknown): SlicePort | null {
  const { name = '', port = null, protocol = 'TCP' } = recordOf(value);
  if (typeof name !== 'string' && name !== null) return null;
  if (port !== null && !(Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535))
    return null;
  return typeof protocol === 'string' ? { name: name ?? '', port: port as number | null, protocol } : null;
}

function parseEndpoint(value: unknown, family: 4 | 6 | 0): SliceEndpoint | null {
  const { addresses, conditions, zone, hints } = recordOf(value);
  // More than one address has no defined meaning; the API tells clients to use the first.
  const host: unknown = Array.isArray(addresses) ? addresses[0] : undefined;
  if (typeof host !== 'string' || (family !== 0 && isIP(host) !== family)) return null;
  return {
    host: host.toLowerCase(),
    state: stateOf(recordOf(conditions)),
    zone: typeof zone === 'string' ? zone : '',
    hintZones: hintsOf(recordOf(hints).forZones),
  };
}

/** Missing conditions count as the API says: ready, serving if ready, not terminating. */
function stateOf({ ready, serving, terminating }: Readonly<Record<string, unknown>>): EndpointState {
  const isReady = ready !== false;
  if (terminating === true) return (serving ?? isReady) !== false ? 'terminating' : 'unfit';
  return isReady ? 'ready' : 'unfit';
}

function hintsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, hintsMax)
    .map((hint) => recordOf(hint).name)
    .filter((name) => typeof name === 'string' && name !== '') as string[];
}
