import type { EndpointPin, ListenerSnapshot } from '../../admin/deps.ts';
import { formatAddress, parseAddress } from '../../core/address.ts';
import { nearestName } from '../../core/nearest.ts';
import { type AdminAnswer, askAdmin } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';

/** Finds the address of the listener that gets the call: the named one, or the first that takes gRPC calls. */
export async function findListener(
  target: AdminTarget,
  name: string | undefined,
): Promise<AdminAnswer<string>> {
  const answer = await askAdmin(target, '/listeners');
  if (answer.error !== undefined) return answer;
  const listeners = (answer.value as readonly ListenerSnapshot[]).filter(
    ({ protocol }) => protocol === 'auto',
  );
  const names = listeners.map((listener) => listener.name);
  if (listeners.length === 0) return { error: 'the sidecar has no listener for gRPC calls (protocol: auto)' };
  const found =
    name === undefined
      ? (listeners.find(({ direction }) => direction === 'outbound') ?? listeners[0])
      : listeners.find((listener) => listener.name === name);
  if (found === undefined) {
    const near = nearestName(name!, names);
    return {
      error: `--listener: the sidecar has no listener "${name}"; ${near === undefined ? `it has ${names.join(', ')}` : `did you mean "${near}"?`}`,
    };
  }
  return { value: reachable(found.address) };
}

/** A wildcard address is no destination. */
function reachable(text: string): string {
  const { value: address } = parseAddress(text);
  if (address?.kind !== 'tcp') return text;
  if (address.host === '0.0.0.0') return formatAddress({ ...address, host: '127.0.0.1' });
  return address.host === '::' ? formatAddress({ ...address, host: '::1' }) : text;
}

/** Gets the header that sends calls to one endpoint. */
export async function pinTo(target: AdminTarget, endpoint: string): Promise<AdminAnswer<EndpointPin>> {
  const path = `/endpoints/${encodeURIComponent(endpoint)}/pin`;
  return (await askAdmin(target, path, { method: 'POST' })) as AdminAnswer<EndpointPin>;
}
