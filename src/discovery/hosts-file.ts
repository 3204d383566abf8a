import { isIP } from 'node:net';

/** The addresses of names that a hosts file lists, by name in lower case and without the dot of the root. */
export type HostsFile = ReadonlyMap<string, readonly string[]>;

/**
 * Reads a hosts file (hosts(5)): an address, its names, and a comment after `#`. A name that stands in several lines has all of
 * their addresses. Lines without a valid address are passed over.
 */
export function parseHosts(text: string): HostsFile {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/s, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = nameKey(name);
      const addresses = hosts.get(key) ?? [];
      if (!addresses.includes(address)) addresses.push(address);
      hosts.set(key, addresses);
    }
  }
  return hosts;
}

/** How a name is looked up: names do not differ by case, nor by the dot of the root. */
export function nameKey(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
