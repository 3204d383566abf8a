import { type OctetSet, parseRegex, type RegexNode } from './regex-syntax.ts';

/**
 * Regular expressions over text that a stranger sends. JavaScript's own engine backtracks: `(a+)+b`, or as little as
 * `.*a.*b`, lets one long path hold the event loop for seconds, and no look at a pattern tells all the bad ones from
 * the good. So these are matched by an automaton, one step per octet whatever the pattern, as RE2 does.
 *
 * The automaton is Glushkov's: a state is the set of positions of the pattern that may come next. Such sets are made
 * when first met and kept (a lazy DFA), so that a warm matcher is one table look-up per octet and allocates nothing.
 */
export interface SafeRegex {
  /** Whether the whole text matches. Linear in its length; any string may be given, and one above U+00FF never matches. */
  matches(text: string): boolean;
}

export type SafeRegexResult = { value: SafeRegex; error?: undefined } | { value?: undefined; error: string };

/** Positions of a pattern after `{n}` is written out; what one octet can cost at worst is in proportion to its square. */
export const regexPositionsMax = 255;
/** Sets kept per pattern, about 2 KiB each; when they are used up, the next text begins with none. */
export const regexKeptStatesMax = 128;

/** Compiles a pattern that is to match whole texts, or says in words what is wrong with it. Never throws. */
export function compileSafeRegex(pattern: string): SafeRegexResult {
  const tree = parseRegex(pattern);
  if (tree.value === undefined) return { error: tree.error };
  const positions = countPositions(tree.value);
  if (positions > regexPositionsMax)
    return {
      error: `the pattern has ${positions} positions once its counts are written out; ${regexPositionsMax} are allowed`,
    };
  return { value: new LazyAutomaton(new Table(new Positions(tree.value))) };
}

/** What is wrong with a pattern, or undefined: for configuration, which may not import routing. */
export function checkSafeRegex(pattern: string): string | undefined {
  return compileSafeRegex(pattern).error;
}

/** How many octet positions a tree has with its counts written out, capped so that nested counts cannot overflow. */
function countPositions(node: RegexNode): number {
  switch (node.kind) {
    case 'octet':
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

/** Glushkov's construction: every octet of the pattern is a position; `follow` says which may come after it. */
class Positions {
  readonly sets: OctetSet[] = [];
  readonly follow: Set<number>[] = [];
  readonly start: readonly number[];
  /** The position that stands for the end of the text; a set that holds it accepts. */
  readonly end: number;

  constructor(tree: RegexNode) {
    const whole = this.build(tree);
    this.end = this.sets.length;
    for (const p of whole.last) this.follow[p].add(this.end);
    this.start = whole.nullable ? [...whole.first, this.end] : whole.first;
  }

  private build(node: RegexNode): Part {
    switch (node.kind) {
      case 'octet':
        this.follow.push(new Set());
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
    for (const p of from) for (const q of to) this.follow[p].add(q);
  }
}

/** Sets of positions, 32 to a word: what the automaton computes with. */
class Table {
  readonly words: number;
  readonly start: Uint32Array;
  private readonly end: number;
  private readonly sets: readonly OctetSet[];
  private readonly follow: readonly Uint32Array[];

  constructor(pattern: Positions) {
    this.end = pattern.end;
    this.words = (pattern.end >>> 5) + 1;
    this.sets = pattern.sets;
    this.follow = pattern.follow.map((set) => this.bits(set));
    this.start = this.bits(pattern.start);
  }

  accepts(state: Uint32Array): boolean {
    return (state[this.end >>> 5] & (1 << (this.end & 31))) !== 0;
  }

  /** Puts into `to` what may come after `octet`; false where nothing may. */
  step(from: Uint32Array, octet: number, to: Uint32Array): boolean {
    to.fill(0);
    let alive = false;
    for (let w = 0; w < this.words; w++) {
      for (let rest = from[w]; rest !== 0; rest &= rest - 1) {
        const position = w * 32 + 31 - Math.clz32(rest & -rest);
        if (position === this.end || this.sets[position][octet] === 0) continue;
        const follow = this.follow[position];
        for (let i = 0; i < to.length; i++) to[i] |= follow[i];
        alive = true;
      }
    }
    return alive;
  }

  private bits(positions: Iterable<number>): Uint32Array {
    const bits = new Uint32Array(this.words);
    for (const p of positions) bits[p >>> 5] |= 1 << (p & 31);
    return bits;
  }
}

/** A set of positions with the sets it leads to, as far as they were asked for; null leads nowhere. */
interface State {
  readonly bits: Uint32Array;
  readonly accepts: boolean;
  readonly next: (State | null | undefined)[];
}

class LazyAutomaton implements SafeRegex {
  private readonly table: Table;
  private kept = new Map<string, State>();
  private start: State;
  private scratch: [Uint32Array, Uint32Array];

  constructor(table: Table) {
    this.table = table;
    this.scratch = [new Uint32Array(table.words), new Uint32Array(table.words)];
    this.start = this.keep(table.start);
  }

  matches(text: string): boolean {
    if (this.kept.size >= regexKeptStatesMax) {
      this.kept = new Map();
      this.start = this.keep(this.table.start);
    }
    let state = this.start;
    for (let i = 0; i < text.length; i++) {
      const octet = text.charCodeAt(i);
      if (octet > 0xff) return false;
      let next = state.next[octet];
      if (next === undefined) {
        // A text that meets ever new sets is matched without keeping them: making one costs more than using it.
        if (this.kept.size >= regexKeptStatesMax) return this.simulate(state.bits, text, i);
        next = this.learn(state, octet);
      }
      if (next === null) return false;
      state = next;
    }
    return state.accepts;
  }

  private simulate(bits: Uint32Array, text: string, at: number): boolean {
    let [from, to] = this.scratch;
    from.set(bits);
    for (let i = at; i < text.length; i++) {
      const octet = text.charCodeAt(i);
      if (octet > 0xff || !this.table.step(from, octet, to)) return false;
      [from, to] = [to, from];
    }
    return this.table.accepts(from);
  }

  private learn(state: State, octet: number): State | null {
    const to = this.scratch[0];
    const next = this.table.step(state.bits, octet, to) ? this.keep(to) : null;
    state.next[octet] = next;
    return next;
  }

  private keep(bits: Uint32Array): State {
    const key = bits.join();
    let state = this.kept.get(key);
    if (state === undefined) {
      state = { bits: bits.slice(), accepts: this.table.accepts(bits), next: new Array(256).fill(undefined) };
      this.kept.set(key, state);
    }
    return state;
  }
}
