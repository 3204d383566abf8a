import type { Random } from '../../src/core/random.ts';
import type { FuzzTarget } from './target.ts';

const interestingBytes = [0, 1, 2, 3, 4, 7, 8, 9, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];
const interestingWords = [0, 1, 9, 0x7f, 0xff, 0x100, 0x3fff, 0x4000, 0x4001, 0xffff, 0x10000, 0x7fffffff];

export function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

/** A stretch of an input, mostly of whole records. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * Changes an input in a few places: bytes and words inside of fields, and whole records that go, come twice, change places
 * or come from `other`. What the bytes mean is the target's: a record is a frame, a field or an action there.
 */
export function mutate(target: FuzzTarget, input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Buffer = Buffer.from(input);
  const times = 1 + below(random, random.next() < 0.2 ? 16 : 4);
  for (let i = 0; i < times; i++) bytes = mutateOnce(target, bytes, other, random);
  return bytes.subarray(0, target.inputBytesMax);
}

function mutateOnce(target: FuzzTarget, bytes: Buffer, other: Uint8Array, random: Random): Buffer {
  const stretch = stretchOf(target, bytes, random);
  const { start, end } = stretch;
  const at = below(random, bytes.length + 1);
  switch (below(random, 12)) {
    case 0:
      return withByte(bytes, at, (byte) => byte ^ (1 << below(random, 8)));
    case 1:
      return withByte(bytes, at, () => below(random, 256));
    case 2:
      return withByte(bytes, at, () => interestingBytes[below(random, interestingBytes.length)]);
    case 3:
      return withByte(bytes, at, (byte) => byte + below(random, 17) - 8);
    case 4:
      return withWord(bytes, at, random);
    case 5:
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    case 6:
      return insert(bytes, random.next() < 0.5 ? end : start, bytes.subarray(start, end));
    case 7:
      return insert(bytes, start, noise(target, random));
    case 8: {
      const from = stretchOf(target, other, random);
      return insert(bytes, start, other.subarray(from.start, from.end));
    }
    case 9: {
      const from = stretchOf(target, other, random);
      return Buffer.concat([bytes.subarray(0, start), other.subarray(from.start)]);
    }
    case 10: {
      const to = stretchOf(target, bytes, random).start;
      const moved = Buffer.from(bytes.subarray(start, end));
      const without = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
      return insert(without, Math.min(to, without.length), moved);
    }
    default:
      return word(target, bytes, at, random);
  }
}

function stretchOf(target: FuzzTarget, bytes: Uint8Array, random: Random): Stretch {
  const { headBytes, recordBytes } = target;
  const aligned = recordBytes > 1 && random.next() < 0.9;
  const unit = aligned ? recordBytes : 1;
  const head = aligned ? Math.min(headBytes, bytes.length) : 0;
  const units = Math.floor((bytes.length - head) / unit);
  const first = below(random, units + 1);
  const count = Math.min(units - first, 1 + below(random, random.next() < 0.2 ? 32 : 4));
  return { start: head + first * unit, end: head + (first + count) * unit };
}

function noise(target: FuzzTarget, random: Random): Buffer {
  const bytes = Buffer.alloc(target.recordBytes * (1 + below(random, 4)));
  for (let i = 0; i < bytes.length; i++) bytes[i] = below(random, 256);
  return bytes;
}

/** A word of the dictionary, put in or over what is there. */
function word(target: FuzzTarget, bytes: Buffer, at: number, random: Random): Buffer {
  if (target.dictionary.length === 0) return insert(bytes, at, noise(target, random));
  const found = target.dictionary[below(random, target.dictionary.length)];
  if (random.next() < 0.5) return insert(bytes, at, found);
  const over = Buffer.from(bytes);
  over.set(found.subarray(0, Math.max(0, over.length - at)), Math.min(at, over.length));
  return over;
}

function insert(bytes: Buffer, at: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

function withByte(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  if (at >= bytes.length) return bytes;
  bytes[at] = change(bytes[at]);
  return bytes;
}

function withWord(bytes: Buffer, at: number, random: Random): Buffer {
  const value = interestingWords[below(random, interestingWords.length)];
  if (at + 4 <= bytes.length && random.next() < 0.5) bytes.writeUInt32BE(value, at);
  else if (at + 2 <= bytes.length) bytes.writeUInt16BE(value & 0xffff, at);
  return bytes;
}
