/** Finds values whose prefix a text begins with. The cost grows with the lengths that prefixes have, not with their number. */
export class PrefixIndex<T> {
  private readonly values = new Map<string, T[]>();
  /** The lengths that prefixes have, shortest first. */
  private lengths: number[] = [];

  get isEmpty(): boolean {
    return this.values.size === 0;
  }

  add(prefix: string, value: T): void {
    const known = this.values.get(prefix);
    if (known !== undefined) known.push(value);
    else {
      this.values.set(prefix, [value]);
      if (!this.lengths.includes(prefix.length))
        this.lengths = [...this.lengths, prefix.length].sort((a, b) => a - b);
    }
  }

  /** Adds a list to `lists` for each prefix of the text, whose values are in the order in which they were added. */
  collect(text: string, lists: (readonly T[])[]): void {
    for (const length of this.lengths) {
      if (length > text.length) return;
      const found = this.values.get(text.slice(0, length));
      if (found !== undefined) lists.push(found);
    }
  }
}
