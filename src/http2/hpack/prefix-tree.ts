import type { Field } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';

/** Fewer fields than these are decoded as fast as they are found. */
const fieldsMin = 4;
/** About fifty different heads: a dynamic table of 4096 bytes does not hold the paths of more. */
const nodesDefaultMax = 256;

/** What a block may begin with: the fields on the way from the root to here. */
export class PrefixNode {
  readonly parent: PrefixNode | null;
  /** Null for the root. */
  readonly field: Field | null;
  /** Fields on the way. */
  readonly depth: number;
  /** Of these fields, as `HeaderBlock.listBytes` counts. */
  readonly listBytes: number;
  /** The child that was taken last. */
  latest: PrefixNode | null = null;
  /** All children by their field; null where there is one at most. */
  children: Map<Field, PrefixNode> | null = null;
  private block: HeaderBlock | null = null;
  private seen = false;

  constructor(parent: PrefixNode | null, field: Field | null) {
    this.parent = parent;
    this.field = field;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.listBytes = parent === null ? 0 : parent.listBytes + field!.size;
  }

  /**
   * A block begins with exactly these fields and has no more of them, or a new one next. Returns the repeated block that stands
   * for them, made when that happens for the second time; null before, and where they are too few.
   */
  reached(): HeaderBlock | null {
    if (this.block !== null) return this.block;
    if (this.depth < fieldsMin) return null;
    if (this.seen) {
      this.block = new HeaderBlock(this.fields());
      this.block.repeated = true;
    }
    this.seen = true;
    return this.block;
  }

  /** The fields on the way, in a new array. */
  fields(): Field[] {
    const fields: Field[] = [];
    for (let node: PrefixNode = this; node.parent !== null; node = node.parent) fields.push(node.field!);
    return fields.reverse();
  }
}

/**
 * What the blocks of one decoder begin with, by the fields themselves. A client that indexes every header, ids too, shifts the
 * index of all others with each call, and inserts them again when the ids have pushed them out: the bytes of its heads are always
 * new. But the fields that repeat are the same objects each time (`FieldInterner`), so those before the first new one
 * lead to the block that stood for them before. It becomes the base of the block, with all that is remembered of it.
 *
 * Bounded by starting over when full.
 */
export class PrefixTree {
  private readonly nodesMax: number;
  private root: PrefixNode | null = null; // made at the first block: an idle connection has none
  private nodes = 0;

  constructor(nodesMax = nodesDefaultMax) {
    this.nodesMax = nodesMax;
  }

  /** Returns the node from which a block starts. */
  start(): PrefixNode {
    if (this.root === null || this.nodes >= this.nodesMax) {
      this.root = new PrefixNode(null, null);
      this.nodes = 0;
    }
    return this.root;
  }

  /** Returns the node to which a repeated field leads from `node`. */
  next(node: PrefixNode, field: Field): PrefixNode {
    const { latest } = node;
    if (latest !== null && latest.field === field) return latest;
    let child = node.children?.get(field);
    if (child === undefined) {
      child = new PrefixNode(node, field);
      this.nodes++;
      if (latest !== null) {
        node.children ??= new Map([[latest.field!, latest]]);
        node.children.set(field, child);
      }
    }
    node.latest = child;
    return child;
  }
}
