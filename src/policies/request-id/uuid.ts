import { hex32 } from '../../core/hex.ts';
import type { Random } from '../../core/random.ts';

/** Returns a UUID of version 4: 122 random bits (RFC 9562 section 5.4). */
export function randomUuid(random: Random): string {
  const a = hex32(random.i32());
  const b = hex32((random.i32() & 0xffff_0fff) | 0x4000);
  const c = hex32((random.i32() & 0x3fff_ffff) | 0x8000_0000);
  const d = hex32(random.i32());
  return `${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`;
}
