import { isIPv4, isIPv6 } from 'node:net';
import type { Result } from '../core/result.ts';

/** Addresses that begin with the same bits (CIDR, RFC 4632). IPv4 addresses stand in `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export interface AddressRange {
  readonly bytes: Uint8Array;
  readonly bits: number;
  readonly isIpv4: boolean;
}

const examples = 'an IP address, or a range such as 10.0.0.0/8 or fd00::/8';
/** Bits before an IPv4 address. */
const mappedBits = 96;

/** Parses `10.0.0.0/8`, `fd00::/8` or an address alone. Never throws. */
export function parseRange(text: string): Result<AddressRange> {
  const [address, length, ...rest] = text.split('/');
  const bytes = parseIp(address);
  if (bytes === null || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return { error: `is not an address range; write ${examples}` };
  const isIpv4 = isMapped(bytes);
  const before = isIPv4(address) ? mappedBits : 0;
  const width = 128 - before;
  const own = length === undefined ? width : Number(length);
  if (own > width)
    return {
      error: `has a length of ${own} bits, and the address has ${width}; write ${address}/${width} or less`,
    };
  const bits = before + own;
  const network = bytes.map((byte, i) => byte & maskOf(i, bits));
  if (network.some((byte, i) => byte !== bytes[i]))
    return {
      error: `has bits beyond the first ${own}; write ${textOf(network, before > 0)}/${own} for the range, or ${address} for one address`,
    };
  return { value: { bytes, bits, isIpv4: isIpv4 && bits >= mappedBits } };
}

/** Whether an address is in one of the ranges. `::/0` has every IPv6 address and no IPv4 address. */
export function isInRanges(bytes: Uint8Array, ranges: readonly AddressRange[]): boolean {
  const isIpv4 = isMapped(bytes);
  for (const range of ranges) if (range.isIpv4 === isIpv4 && isIn(bytes, range)) return true;
  return false;
}

function isIn(bytes: Uint8Array, range: AddressRange): boolean {
  for (let i = 0; i * 8 < range.bits; i++)
    if (((bytes[i] ^ range.bytes[i]) & maskOf(i, range.bits)) !== 0) return false;
  return true;
}

/** The bits of the i-th byte that count. */
function maskOf(i: number, bits: number): number {
  const left = bits - 8 * i;
  return left >= 8 ? 0xff : left <= 0 ? 0 : (0xff << (8 - left)) & 0xff;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** The 16 bytes of an address; null for any other text. A zone is of the machine, not of the address. */
export function parseIp(text: string): Uint8Array | null {
  const address = text.replace(/%.*$/, '');
  if (isIPv4(address)) return Uint8Array.from([...new Array(10).fill(0), 0xff, 0xff, ...quad(address)]);
  if (!isIPv6(address)) return null;
  const [head, tail] = address.split('::');
  const first = bytesOfGroups(head);
  const last = tail === undefined ? [] : bytesOfGroups(tail);
  return Uint8Array.from([...first, ...new Array(16 - first.length - last.length).fill(0), ...last]);
}

function bytesOfGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return quad(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function quad(text: string): number[] {
  return text.split('.').map(Number);
}

/** As a reader writes it. */
function textOf(bytes: Uint8Array, isIpv4: boolean): string {
  if (isIpv4) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
