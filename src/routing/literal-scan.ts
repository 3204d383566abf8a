/**
 * Finds which of many literals stand in a text, in one pass over it whatever their number (Aho and Corasick, "Efficient
 * string matching", 1975).
 */
export class LiteralScan<T> {
  /** The next node by `node * 256 + byte`; node 0 is the root. */
  private readonly edges = new Map<number, number>();
  /** The node of the longest end of a node's text that begins another literal. */
  private readonly fallback: number[] = [0];
  private readonly values: (T | undefined)[] = [undefined];
  private readonly lengths: number[] = [0];
  /** The nearest node with a value along the fallbacks, the node itself left out; 0 for none. */
  private readonly nextValue: number[] = [0];

  /** `literals` are latin1 texts, none empty, none twice. */
  constructor(literals: Iterable<readonly [literal: string, value: T]>) {
    for (const [literal, value] of literals) this.add(literal, value);
    this.link();
  }

  /** Calls `found` for every place where a literal ends; `end` is behind its last byte. */
  scan(text: string, found: (value: T, end: number, length: number) => void): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      node = this.step(node, text.charCodeAt(i) & 0xff);
      for (
        let at = this.values[node] === undefined ? this.nextValue[node] : node;
        at !== 0;
        at = this.nextValue[at]
      )
        found(this.values[at] as T, i + 1, this.lengths[at]);
    }
  }

  private add(literal: string, value: T): void {
    let node = 0;
    for (let i = 0; i < literal.length; i++) {
      const key = node * 256 + literal.charCodeAt(i);
      let next = this.edges.get(key);
      if (next === undefined) {
        next = this.values.push(undefined) - 1;
        this.fallback.push(0);
        this.nextValue.push(0);
        this.lengths.push(i + 1);
        this.edges.set(key, next);
      }
      node = next;
    }
    this.values[node] = value;
  }

  /** Sets the fallbacks, shorter texts first: an edge is made after the node that it leaves. */
  private link(): void {
    const edges = [...this.edges].sort(
      ([a], [b]) => this.lengths[Math.floor(a / 256)] - this.lengths[Math.floor(b / 256)],
    );
    for (const [key, node] of edges) {
      const parent = Math.floor(key / 256);
      const fallback = parent === 0 ? 0 : this.step(this.fallback[parent], key % 256);
      this.fallback[node] = fallback;
      this.nextValue[node] = this.values[fallback] === undefined ? this.nextValue[fallback] : fallback;
    }
  }

  private step(from: number, byte: number): number {
    for (let node = from; ; node = this.fallback[node]) {
      const next = this.edges.get(node * 256 + byte);
      if (next !== undefined) return next;
      if (node === 0) return 0;
    }
  }
}
