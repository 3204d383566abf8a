import { type LookupOneOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';

type Callback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

/**
 * The lookup of UDP sockets: answers at once for an IP address, which is what nearly every datagram is sent to. The lookup of
 * Node answers in a later turn, and makes objects for it.
 */
export function numericLookup(host: string, options: LookupOneOptions, callback: Callback): void {
  const family = isIP(host);
  if (family !== 0) callback(null, host, family);
  else lookup(host, options, callback);
}
