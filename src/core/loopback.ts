import { isIP } from 'node:net';

/** Returns whether a host, a name or an IP address in any notation, is this machine's loopback interface. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true;
  const canonical = canonicalIp(host);
  return canonical === '::1' || (isIP(canonical) === 4 && canonical.startsWith('127.'));
}

/** Returns one notation per IP address: IPv6 compressed, IPv4-mapped IPv6 as IPv4. Leaves all but IPv6 as it is. */
export function canonicalIp(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const bare = ip.split('%')[0]; // A zone does not matter here, and no URL can carry it.
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  const high = Number.parseInt(mapped[1], 16);
  const low = Number.parseInt(mapped[2], 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
