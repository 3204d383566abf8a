import { formatAddress, parseAddress, reachableHost } from '../core/address.ts';
import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';

/** What is known of a listener. */
export interface KnownListener {
  readonly name: string;
  readonly address: string;
  /** `outbound` or `inbound`. */
  readonly direction: string;
  /** `auto`, `tcp` or `udp`. */
  readonly protocol: string;
}

/** Chooses the listener that gets a call: the named one, or the first that takes gRPC calls, outbound before inbound. */
export function chooseListener<T extends KnownListener>(
  all: readonly T[],
  name: string | undefined,
): Result<T> {
  const listeners = all.filter(({ protocol }) => protocol === 'auto');
  if (listeners.length === 0) return { error: 'the sidecar has no listener for gRPC calls (protocol: auto)' };
  if (name === undefined)
    return { value: listeners.find(({ direction }) => direction === 'outbound') ?? listeners[0] };
  const found = listeners.find((listener) => listener.name === name);
  if (found !== undefined) return { value: found };
  const names = listeners.map((listener) => listener.name);
  const near = nearestName(name, names);
  return {
    error: `the sidecar has no listener "${name}"; ${near === undefined ? `it has ${names.join(', ')}` : `did you mean "${near}"?`}`,
  };
}

/** Returns where a client on this machine reaches a listener. */
export function reachableAddress(text: string): string {
  const { value: address } = parseAddress(text);
  if (address?.kind !== 'tcp') return text;
  return formatAddress({ ...address, host: reachableHost(address.host) });
}
