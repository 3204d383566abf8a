import { ByteKey } from '../core/bytes.ts';
import type { Field } from '../core/field.ts';
import type { HeadLine } from './head-line.ts';
import type { BuiltHead } from './message-head.ts';

/** A head with more is built every time: it costs too much to keep. */
const memoLinesMax = 64;
const memoBytesMax = 4096;
const slotCount = 256;
const seenCount = 1024;

/** A head that came before, or the lines that several heads have in common. */
export class KnownHead {
  readonly lines: readonly HeadLine[];
  readonly scheme: Field | null;
  readonly built: BuiltHead;
  /** The whole head as it was sent, where that is known. */
  wire: ByteKey | null = null;
  /** Of its fields. */
  readonly names: ReadonlySet<string>;

  constructor(lines: readonly HeadLine[], scheme: Field | null, built: BuiltHead) {
    this.lines = lines;
    this.scheme = scheme;
    this.built = built;
    this.names = new Set(built.head.block.fields.map(({ name }) => name));
  }
}

/**
 * What sequences of known lines mean together: 256 heads at the most, for all parsers of a process. Direct-mapped; a head is kept at
 * its second sight only.
 */
export class HeadMemo {
  private readonly slots: Array<KnownHead | null> = new Array(slotCount).fill(null);
  private readonly seen = new Int32Array(seenCount);
  private hash = 0;

  /** Heads kept. */
  get size(): number {
    return this.slots.filter((known) => known !== null).length;
  }

  /** Returns what those of the first `count` lines that are known mean together, or null. `scheme` is null for replies. */
  find(lines: readonly HeadLine[], count: number, scheme: Field | null): KnownHead | null {
    let hash = scheme === null ? 0 : scheme.value.length;
    for (let i = 0; i < count; i++) {
      const { id } = lines[i];
      if (id !== 0) hash = mix(hash, id);
    }
    this.hash = hash;
    const known = this.slots[hash & (slotCount - 1)];
    return known !== null && known.scheme === scheme && sameLines(known.lines, lines, count) ? known : null;
  }

  /** Right after `find` returned null: whether these lines, which are all known, are to be kept. */
  isWorthKeeping(lines: readonly HeadLine[]): boolean {
    let bytes = 0;
    for (const line of lines) bytes += line.bytes;
    if (lines.length > memoLinesMax || bytes > memoBytesMax) return false;
    const mark = (this.hash >>> 8) & (seenCount - 1);
    if (this.seen[mark] === this.hash) return true;
    this.seen[mark] = this.hash;
    return false;
  }

  keep(lines: readonly HeadLine[], scheme: Field | null, built: BuiltHead): KnownHead {
    const { block } = built.head;
    block.repeated = true;
    for (const field of block.fields) field.repeated = true;
    const known = new KnownHead(lines, scheme, built);
    this.slots[this.hash & (slotCount - 1)] = known;
    return known;
  }
}

/** Notes the bytes of a whole head, all of whose lines are known. */
export function noteWire(known: KnownHead, bytes: Uint8Array, start: number, end: number): void {
  known.wire ??= new ByteKey(bytes, start, end);
}

/** Are these the known ones among the first `count` of `lines`? */
function sameLines(known: readonly HeadLine[], lines: readonly HeadLine[], count: number): boolean {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const line = lines[i];
    if (line.id === 0) continue;
    if (at >= known.length || known[at] !== line) return false;
    at++;
  }
  return at === known.length;
}

function mix(hash: number, id: number): number {
  const product = Math.imul(hash ^ id, 0x9e3779b1);
  return product ^ (product >>> 15);
}
