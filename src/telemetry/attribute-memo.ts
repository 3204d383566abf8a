/** Of each group, how many sets of values are kept. */
const entriesMax = 64;
/** Values of more characters, and groups of more bytes, are not kept: all groups of a memo take some hundred KiB at the most. */
export const keptCharsMax = 512;
export const keptBytesMax = 512;

/** The values of a group, and from the second time that they come on the bytes that were written for them. */
class MemoEntry {
  bytes: Uint8Array | null = null;
  private a = '';
  private b = '';
  private c = '';
  private number = -1;

  has(a: string, b: string, c: string, number: number): boolean {
    return this.number === number && this.a === a && this.b === b && this.c === c;
  }

  take(a: string, b: string, c: string, number: number): void {
    this.bytes = null;
    this.a = a;
    this.b = b;
    this.c = c;
    this.number = number;
  }
}

/**
 * What was written for groups of attributes: most bytes of a span are those of other spans, and to copy them takes a quarter of the
 * time. A direct-mapped table for each group, so that clients with random methods or ports overwrite entries, and nothing grows.
 */
export class AttributeMemo {
  private readonly tables: MemoEntry[][] = [];

  constructor(groups: number) {
    for (let i = 0; i < groups; i++)
      this.tables.push(Array.from({ length: entriesMax }, () => new MemoEntry()));
  }

  /**
   * Returns the entry of these values, which are whole numbers from 0 on and texts; null where they are new or too long. An entry
   * without bytes gets those that are written for it.
   */
  find(group: number, a: string, b: string, c: string, number: number): MemoEntry | null {
    if (a.length + b.length + c.length > keptCharsMax) return null;
    const hash = mix(mix(mix(number | 0, a), b), c);
    const entry = this.tables[group][(hash ^ (hash >>> 6) ^ (hash >>> 12)) & (entriesMax - 1)];
    if (entry.has(a, b, c, number)) return entry;
    entry.take(a, b, c, number);
    return null;
  }
}

/** Length and three characters: values of one group mostly differ at their end. */
function mix(hash: number, text: string): number {
  const { length } = text;
  if (length === 0) return hash;
  const some =
    text.charCodeAt(length - 1) + text.charCodeAt(length >> 1) * 7 + text.charCodeAt((length * 3) >> 2) * 49;
  return (Math.imul(hash, 31) + some + length) | 0;
}
