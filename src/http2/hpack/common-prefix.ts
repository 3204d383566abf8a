import { ByteKey, equalBytes, hashBytes } from '../../core/bytes.ts';
import type { Field } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';

/** Fewer fields than these are decoded as fast as they are found. */
const fieldsMin = 4;
/** A longer one is not kept, bytes. */
const wireBytesMax = 256;

export interface KnownPrefix {
  readonly wire: ByteKey;
  /** A repeated block. */
  readonly block: HeaderBlock;
  readonly listBytes: number;
}

/**
 * What the blocks of one peer begin with, where that means the same whatever is in the dynamic table: other proxies index
 * nothing, so before the ids that are new in each of their heads stand the same bytes every time. The fields that they
 * mean become the base of the block, which is known to all who work on it, as if the client sent it alone.
 */
export class CommonPrefix {
  private known: KnownPrefix | null = null;
  private seen = 0;

  /** The prefix of the block from `start` to `end`, or null where it begins in another way. */
  find(bytes: Uint8Array, start: number, end: number): KnownPrefix | null {
    const { known } = this;
    if (known === null) return null;
    const prefixEnd = start + known.wire.length;
    return prefixEnd <= end && equalBytes(bytes, start, prefixEnd, known.wire) ? known : null;
  }

  /** A block began with `fields`, which stand from `start` to `end`. Kept at their second consecutive sight. */
  learn(bytes: Uint8Array, start: number, end: number, fields: readonly Field[]): void {
    if (fields.length < fieldsMin || end - start > wireBytesMax) return;
    const hash = hashBytes(bytes, start, end, 0, wireBytesMax);
    if (hash !== this.seen) {
      this.seen = hash;
      return;
    }
    const block = new HeaderBlock([...fields]);
    block.repeated = true;
    this.known = { wire: new ByteKey(bytes, start, end), block, listBytes: block.listBytes };
  }
}
