import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import type { Address } from '../core/address.ts';

/** `st` of a socket that takes what clients send, in the tables of the kernel: LISTEN, or for UDP any that is not connected. */
const listening = { tcp: '0A', udp: '07' } as const;

/**
 * How many sockets of this network namespace listen on an address, by the kernel's tables (proc(5), /proc/net/tcp and udp): more than
 * one share it by SO_REUSEPORT, and a successor is there. Null where the system does not report it, which is anywhere but on Linux.
 */
export function portSharers(address: Address, transport: 'tcp' | 'udp' = 'tcp'): number | null {
  if (address.kind !== 'tcp') return null;
  const v4 = isIPv4(address.host);
  try {
    const table = readFileSync(`/proc/net/${transport}${v4 ? '' : '6'}`, 'latin1');
    return countListening(table, address, transport);
  } catch {
    return null;
  }
}

/** `table` is the text of /proc/net/tcp, tcp6, udp or udp6. */
export function countListening(
  table: string,
  { host, port }: { host: string; port: number },
  transport: 'tcp' | 'udp' = 'tcp',
): number {
  const local = `${hexHost(host)}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let count = 0;
  for (const line of table.split('\n')) {
    const [, localAddress, , state] = line.trim().split(/\s+/);
    if (localAddress === local && state === listening[transport]) count++;
  }
  return count;
}

/** As the kernel prints it on a little-endian machine, which all are that Node runs on: words of 32 bits, bytes turned round. */
function hexHost(host: string): string {
  const bytes = isIPv4(host) ? host.split('.').map(Number) : bytesOfIpv6(host);
  let text = '';
  for (let word = 0; word < bytes.length; word += 4)
    for (let i = 3; i >= 0; i--) text += bytes[word + i].toString(16).toUpperCase().padStart(2, '0');
  return text;
}

function bytesOfIpv6(host: string): number[] {
  const [before, after] = host.split('%')[0].split('::');
  const groups = (text: string | undefined): number[] =>
    (text ?? '')
      .split(':')
      .filter((group) => group !== '')
      .map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(before), groups(after)];
  const zeros = new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]);
}
