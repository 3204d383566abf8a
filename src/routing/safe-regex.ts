import { type ByteClasses, byteClasses } from './byte-classes.ts';
import { countPositions, Positions } from './regex-positions.ts';
import { type ByteSet, parseRegex, type RegexNode } from './regex-syntax.ts';
import { StateBudget, type StateHolder } from './state-budget.ts';

/**
 * Regular expressions over text that a stranger sends. JavaScript's own engine backtracks: `(a+)+b`, or as little as
 * `.*a.*b`, lets one long path hold the event loop for seconds, and no look at a pattern tells all the bad ones from
 * the good. So these are matched by an automaton, one step per byte whatever the pattern, as RE2 does.
 *
 * The automaton is Glushkov's: a state is the set of positions of the pattern that may come next. Such sets are made
 * when first met and kept (a lazy DFA), so that a warm matcher is one table look-up per byte and allocates nothing.
 */
export interface SafeRegex {
  /** Whether the whole text matches. Linear in its length; any string may be given, and one above U+00FF never matches. */
  matches(text: string): boolean;
  /** The pattern, for indexes over many. */
  readonly tree: RegexNode;
}

export type SafeRegexResult = { value: SafeRegex; error?: undefined } | { value?: undefined; error: string };

/** Positions of a pattern after `{n}` is written out; what one byte can cost at worst is in proportion to its square. */
export const regexPositionsMax = 255;
/** Sets kept per pattern, mostly under 300 bytes each; when they are used up, the next text begins with none. */
export const regexKeptStatesMax = 128;

/**
 * Short texts that a pattern matches before it keeps any set: among many routes most are asked once in a while. In a long text
 * sets pay at once.
 */
const textsBeforeKeeping = 4;
const shortTextCharsMax = 64;

/**
 * Compiles a pattern that is to match whole texts, or says in words what is wrong with it. Never throws. What it keeps
 * between texts counts against `budget`. The automaton is built at the first text: of 10,000 routes few are asked.
 */
export function compileSafeRegex(pattern: string, budget = new StateBudget()): SafeRegexResult {
  const tree = parseRegex(pattern);
  if (tree.value === undefined) return { error: tree.error };
  const positions = countPositions(tree.value);
  if (positions > regexPositionsMax)
    return {
      error: `the pattern has ${positions} positions once its counts are written out; ${regexPositionsMax} are allowed`,
    };
  return { value: new LazyAutomaton(tree.value, budget) };
}

/** What is wrong with a pattern, or undefined. */
export function checkSafeRegex(pattern: string): string | undefined {
  return compileSafeRegex(pattern).error;
}

/** Sets of positions, 32 to a word: what the automaton computes with. */
class Table {
  readonly words: number;
  readonly start: Uint32Array;
  private classesMemo: ByteClasses | null = null;
  private readonly end: number;
  private readonly sets: readonly ByteSet[];
  private readonly follow: readonly Uint32Array[];

  constructor(pattern: Positions) {
    this.end = pattern.end;
    this.words = (pattern.end >>> 5) + 1;
    this.sets = pattern.sets;
    this.follow = pattern.follow.map((set) => this.bits(set));
    this.start = this.bits(pattern.start);
  }

  get classes(): ByteClasses {
    this.classesMemo ??= byteClasses(this.sets);
    return this.classesMemo;
  }

  accepts(state: Uint32Array): boolean {
    return (state[this.end >>> 5] & (1 << (this.end & 31))) !== 0;
  }

  /** Puts into `to` what may come after `byte`; false where nothing may. */
  step(from: Uint32Array, byte: number, to: Uint32Array): boolean {
    to.fill(0);
    let alive = false;
    for (let w = 0; w < this.words; w++) {
      for (let rest = from[w]; rest !== 0; rest &= rest - 1) {
        const position = w * 32 + 31 - Math.clz32(rest & -rest);
        if (position === this.end || this.sets[position][byte] === 0) continue;
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

/** A set of positions with the sets it leads to by each class of bytes, as far as they were asked for; null leads nowhere. */
interface State {
  readonly bits: Uint32Array;
  readonly accepts: boolean;
  readonly next: (State | null | undefined)[];
}

/** What an object, its array and its place in a map take beside what they hold, bytes. */
const stateOverheadBytes = 160;

class LazyAutomaton implements SafeRegex, StateHolder {
  readonly tree: RegexNode;
  private readonly budget: StateBudget;
  private table: Table | null = null;
  private kept = new Map<string, State>();
  private start: State | null = null;
  /** Texts since it kept nothing. */
  private texts = 0;
  private scratch: [Uint32Array, Uint32Array] = [new Uint32Array(0), new Uint32Array(0)];

  constructor(tree: RegexNode, budget: StateBudget) {
    this.tree = tree;
    this.budget = budget;
  }

  matches(text: string): boolean {
    const table = this.table ?? this.build();
    if (this.texts < textsBeforeKeeping && text.length <= shortTextCharsMax) {
      this.texts += 1;
      return this.simulate(table, table.start, text, 0);
    }
    if (this.kept.size >= regexKeptStatesMax) {
      this.budget.give(this, this.kept.size * stateBytes(table));
      this.dropStates();
    }
    this.start ??= this.keep(table, table.start);
    let state = this.start;
    const classOf = table.classes.of;
    for (let i = 0; i < text.length; i++) {
      const byte = text.charCodeAt(i);
      if (byte > 0xff) return false;
      let next = state.next[classOf[byte]];
      if (next === undefined) {
        // A text that meets ever new sets is matched without keeping them: making one costs more than using it.
        if (this.kept.size >= regexKeptStatesMax) return this.simulate(table, state.bits, text, i);
        next = this.learn(table, state, byte);
      }
      if (next === null) return false;
      state = next;
    }
    return state.accepts;
  }

  dropStates(): void {
    this.kept = new Map();
    this.start = null;
    this.texts = 0;
  }

  private build(): Table {
    const table = new Table(new Positions(this.tree));
    this.table = table;
    this.scratch = [new Uint32Array(table.words), new Uint32Array(table.words)];
    return table;
  }

  private simulate(table: Table, bits: Uint32Array, text: string, at: number): boolean {
    let [from, to] = this.scratch;
    from.set(bits);
    for (let i = at; i < text.length; i++) {
      const byte = text.charCodeAt(i);
      if (byte > 0xff || !table.step(from, byte, to)) return false;
      [from, to] = [to, from];
    }
    return table.accepts(from);
  }

  private learn(table: Table, state: State, byte: number): State | null {
    const to = this.scratch[0];
    const next = table.step(state.bits, byte, to) ? this.keep(table, to) : null;
    state.next[table.classes.of[byte]] = next;
    return next;
  }

  private keep(table: Table, bits: Uint32Array): State {
    const key = bits.join();
    let state = this.kept.get(key);
    if (state === undefined) {
      this.budget.take(this, stateBytes(table));
      const next = new Array(table.classes.count).fill(undefined);
      state = { bits: bits.slice(), accepts: table.accepts(bits), next };
      this.kept.set(key, state);
    }
    return state;
  }
}

function stateBytes({ words, classes }: Table): number {
  return stateOverheadBytes + 16 * words + 8 * classes.count;
}
