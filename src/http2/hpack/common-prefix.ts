import { ByteKey, equalBytes, hashBytes } from '../../core/bytes.ts';
import type { PrefixNode } from './prefix-tree.ts';

/** Fewer fields than these are decoded as fast as they are found. */
const fieldsMin = 4;
/** A longer one is not kept, bytes. */
const wireBytesMax = 256;

export interface KnownPrefix {
  readonly wire: ByteKey;
  /** Where its fields lead to. */
  readonly node: PrefixNode;
}

/**
 * What the blocks of one peer begin with, where that means the same whatever is in the dynamic table: other proxies index
 * nothing, so before the ids that are new in each of their heads stand the same bytes every time. They lead to the
 * same place of the tree as their fields would one by one.
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

  /**
   * A block began with the bytes from `start` to `end`, whose fields lead to `node`. Kept at their second consecutive sight.
   */
  learn(bytes: Uint8Array, start: number, end: number, node: PrefixNode): void {
    if (node.depth < fieldsMin || end - start > wireBytesMax) return;
    const hash = hashBytes(bytes, start, end, 0, wireBytesMax);
    if (hash !== this.seen) {
      this.seen = hash;
      return;
    }
    this.known = { wire: new ByteKey(bytes, start, end), node };
  }
}
