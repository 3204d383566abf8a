import type { ByteSet, RegexNode } from './regex-syntax.ts';

/** How many byte positions a tree has with its counts written out, capped so that nested counts cannot overflow. */
export function countPositions(node: RegexNode): number {
  switch (node.kind) {
    case 'byte':
      return 1;
    case 'sequence':
    case 'choice':
      return node.items.reduce((sum, item) => sum + countPositions(item), 0);
    case 'repeat':
      return countPositions(node.item) * copiesOf(node);
  }
}

/** `x{2,}` is written out as `x x+`, `x{2,5}` as `x x x? x? x?`, `x{0}` as nothing. */
function copiesOf(node: { min: number; max: number }): number {
  return node.max === Number.POSITIVE_INFINITY ? Math.max(node.min, 1) : node.max;
}

/** What one part of the pattern offers to its neighbours. */
interface Part {
  /** Matches the empty text. */
  readonly nullable: boolean;
  /** Positions that may come first, and that may come last. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}
const nothing: Part = { nullable: true, first: [], last: [] };

/** Glushkov's construction: every byte of the pattern is a position; `follow` says which may come after it. */
export class Positions {
  readonly sets: ByteSet[] = [];
  readonly follow: number[][] = [];
  readonly start: readonly number[];
  /** The position that stands for the end of the text; a set that holds it accepts. */
  readonly end: number;

  constructor(tree: RegexNode) {
    const whole = this.build(tree);
    this.end = this.sets.length;
    for (const p of whole.last) this.follow[p].push(this.end);
    for (let p = 0; p < this.follow.length; p++)
      if (this.follow[p].length > 1) this.follow[p] = [...new Set(this.follow[p])];
    this.start = whole.nullable ? [...whole.first, this.end] : whole.first;
  }

  private build(node: RegexNode): Part {
    switch (node.kind) {
      case 'byte':
        this.follow.push([]);
        return { nullable: false, first: [this.sets.push(node.set) - 1], last: [this.sets.length - 1] };
      case 'sequence':
        return node.items.reduce<Part>((left, item) => this.join(left, this.build(item)), nothing);
      case 'choice': {
        const parts = node.items.map((item) => this.build(item));
        return {
          nullable: parts.some((part) => part.nullable),
          first: parts.flatMap((part) => part.first),
          last: parts.flatMap((part) => part.last),
        };
      }
      case 'repeat':
        return this.repeat(node.item, node.min, node.max);
    }
  }

  private repeat(item: RegexNode, min: number, max: number): Part {
    let whole = nothing;
    const copies = copiesOf({ min, max });
    for (let i = 0; i < copies; i++) {
      const part = this.build(item);
      if (max === Number.POSITIVE_INFINITY && i === copies - 1) this.link(part.last, part.first);
      whole = this.join(whole, i >= min ? { ...part, nullable: true } : part);
    }
    return whole;
  }

  private join(left: Part, right: Part): Part {
    this.link(left.last, right.first);
    return {
      nullable: left.nullable && right.nullable,
      first: left.nullable ? [...left.first, ...right.first] : left.first,
      last: right.nullable ? [...left.last, ...right.last] : right.last,
    };
  }

  private link(from: readonly number[], to: readonly number[]): void {
    for (const p of from) this.follow[p].push(...to);
  }
}
