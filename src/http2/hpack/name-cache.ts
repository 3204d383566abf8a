import { copyOctets, hashOctets, sameOctets } from './octets.ts';

/** Names longer than this on the wire are too rare to keep. */
const wireBytesMax = 32;
const slotCount = 256;

interface NameSlot {
  readonly huffman: boolean;
  readonly wire: Buffer;
  readonly name: string;
}
/** Direct-mapped and shared by the process: a new name overwrites, so it never holds more than 256 short ones. */
const slots: Array<NameSlot | null> = new Array(slotCount).fill(null);

/**
 * The header name that these octets of a literal stand for, or null where they were not kept.
 *
 * Few names are ever in use, but a peer that does not index a field (a trace header that is new on each call) spells its
 * name out every time: this saves decoding it, and gives the same string, whose hash the engine has at hand.
 */
export function cachedName(bytes: Uint8Array, start: number, end: number, huffman: boolean): string | null {
  if (end - start > wireBytesMax) return null;
  const slot = slots[hashOctets(bytes, start, end, 0) & (slotCount - 1)];
  if (slot === null || slot.huffman !== huffman || !sameOctets(bytes, start, end, slot.wire)) return null;
  return slot.name;
}

/** Keeps the name that the octets were decoded to. */
export function cacheName(
  bytes: Uint8Array,
  start: number,
  end: number,
  huffman: boolean,
  name: string,
): void {
  if (end - start > wireBytesMax) return;
  const slot = hashOctets(bytes, start, end, 0) & (slotCount - 1);
  slots[slot] = { huffman, wire: copyOctets(bytes, start, end), name };
}
