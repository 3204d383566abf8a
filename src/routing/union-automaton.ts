import { type ByteClasses, byteClasses } from './byte-classes.ts';
import type { Positions } from './regex-positions.ts';
import type { ByteSet } from './regex-syntax.ts';
import type { StateBudget, StateHolder } from './state-budget.ts';

/** A set of positions of all patterns together; `next` as in one pattern's automaton. */
interface State<T> {
  readonly positions: Uint32Array;
  /** What stands for the patterns that match a text that ends here; null where none does. */
  readonly accepts: T | null;
  readonly next: (State<T> | null | undefined)[];
}

/**
 * Positions that one text may make it look at for new states; above it the text is given up, and the patterns are asked one by
 * one. So an odd text costs at most some ten milliseconds more than they do, and does not have the states of all others dropped.
 */
export const positionsPerTextMax = 1_048_576;

/** What an object, its arrays and its place in a map take beside what they hold, bytes. */
const stateOverheadBytes = 320;

/**
 * Finds which of many patterns match a whole text, in one pass over it: the lazy automaton of `safe-regex.ts` over the
 * positions of all patterns. A step that was taken before costs one look-up; a new one costs what the patterns that are
 * still possible cost. States are kept as long as `budget` has room.
 */
export class UnionAutomaton<T> implements StateHolder {
  private readonly budget: StateBudget;
  /** The number of the set of each position, and by class of bytes which sets have it: 1 or 0. */
  private readonly setOf: Uint32Array;
  private readonly admits: readonly Uint8Array[];
  /** The successors of position `p` are `follow[followFrom[p]]` to `follow[followFrom[p + 1]]`. */
  private readonly followFrom: Uint32Array;
  private readonly follow: Uint32Array;
  private readonly firsts: number[] = [];
  /** The pattern whose end a position is, or -1. */
  private readonly endOf: Int32Array;
  private readonly classes: ByteClasses;
  private readonly resultOf: (patterns: Uint32Array) => T;
  private kept = new Map<number, State<T>[]>();
  private start: State<T> | null = null;
  /** The step in which a position was last reached, and those reached in this one. */
  private readonly reachedIn: Uint32Array;
  private readonly reached: Uint32Array;
  private reachedCount = 0;
  private steps = 0;

  /** `resultOf` gives what stands for patterns that match, by their numbers in order; asked once for each state. */
  constructor(patterns: readonly Positions[], resultOf: (patterns: Uint32Array) => T, budget: StateBudget) {
    this.budget = budget;
    this.resultOf = resultOf;
    const follow: number[] = [];
    const followFrom: number[] = [];
    const ends: number[] = [];
    const sets = new DistinctSets();
    const setOf: number[] = [];
    patterns.forEach((pattern, index) => {
      const offset = ends.length;
      for (let p = 0; p < pattern.end; p++) {
        setOf.push(sets.numberOf(pattern.sets[p]));
        followFrom.push(follow.length);
        for (const q of pattern.follow[p]) follow.push(offset + q);
        ends.push(-1);
      }
      setOf.push(sets.numberOf(neverSet));
      followFrom.push(follow.length);
      ends.push(index);
      for (const p of pattern.start) this.firsts.push(offset + p);
    });
    this.follow = Uint32Array.from(follow);
    this.followFrom = Uint32Array.from([...followFrom, follow.length]);
    this.endOf = Int32Array.from(ends);
    this.setOf = Uint32Array.from(setOf);
    this.classes = byteClasses(sets.all);
    this.admits = sets.byClass(this.classes);
    this.reachedIn = new Uint32Array(ends.length);
    this.reached = new Uint32Array(ends.length);
  }

  /** What stands for the patterns that match the whole text; null where none does, undefined where the text is given up. */
  match(text: string): T | null | undefined {
    this.start ??= this.first();
    let state = this.start;
    const { of } = this.classes;
    let positionsLeft = positionsPerTextMax;
    for (let i = 0; i < text.length; i++) {
      const byte = text.charCodeAt(i);
      if (byte > 0xff) return null;
      const at = of[byte];
      let next = state.next[at];
      if (next === undefined) {
        positionsLeft -= state.positions.length;
        if (positionsLeft < 0) return undefined;
        next = this.after(state, at);
        state.next[at] = next;
      }
      if (next === null) return null;
      state = next;
    }
    return state.accepts;
  }

  dropStates(): void {
    this.kept = new Map();
    this.start = null;
  }

  private first(): State<T> {
    this.beginStep();
    for (const p of this.firsts) this.reach(p);
    return this.keep();
  }

  private after({ positions }: State<T>, byteClass: number): State<T> | null {
    this.beginStep();
    const admits = this.admits[byteClass];
    for (let i = 0; i < positions.length; i++) {
      const p = positions[i];
      if (admits[this.setOf[p]] === 0) continue;
      for (let f = this.followFrom[p]; f < this.followFrom[p + 1]; f++) this.reach(this.follow[f]);
    }
    return this.reachedCount === 0 ? null : this.keep();
  }

  private beginStep(): void {
    this.reachedCount = 0;
    this.steps = (this.steps + 1) >>> 0;
    if (this.steps !== 0) return;
    // Counted once around: no mark of before may look like one of now.
    this.reachedIn.fill(0);
    this.steps = 1;
  }

  private reach(position: number): void {
    if (this.reachedIn[position] === this.steps) return;
    this.reachedIn[position] = this.steps;
    this.reached[this.reachedCount++] = position;
  }

  /** The state of the positions that were reached. */
  private keep(): State<T> {
    const { reached, reachedCount } = this;
    let hash = reachedCount;
    // A sum, so that the order in which they were reached does not count.
    for (let i = 0; i < reachedCount; i++) hash = (hash + Math.imul(reached[i] + 1, 0x9e3779b1)) | 0;
    const known = this.kept.get(hash)?.find((state) => this.isReached(state));
    if (known !== undefined) return known;
    const accepts: number[] = [];
    for (let i = 0; i < reachedCount; i++)
      if (this.endOf[reached[i]] >= 0) accepts.push(this.endOf[reached[i]]);
    const bytes = stateOverheadBytes + 4 * reachedCount + 16 * accepts.length + 8 * this.classes.count;
    this.budget.take(this, bytes);
    const state: State<T> = {
      positions: reached.slice(0, reachedCount),
      accepts: accepts.length === 0 ? null : this.resultOf(Uint32Array.from(accepts).sort()),
      next: new Array(this.classes.count).fill(undefined),
    };
    const same = this.kept.get(hash);
    if (same === undefined) this.kept.set(hash, [state]);
    else same.push(state);
    return state;
  }

  private isReached({ positions }: State<T>): boolean {
    if (positions.length !== this.reachedCount) return false;
    for (let i = 0; i < positions.length; i++) if (this.reachedIn[positions[i]] !== this.steps) return false;
    return true;
  }
}

/** Sets of bytes, each once however many positions of however many patterns have it. */
class DistinctSets {
  readonly all: ByteSet[] = [];
  private readonly byObject = new Map<ByteSet, number>();
  private readonly byValue = new Map<string, number>();

  numberOf(set: ByteSet): number {
    const known = this.byObject.get(set);
    if (known !== undefined) return known;
    const key = Buffer.from(set.buffer, set.byteOffset, set.length).toString('latin1');
    const number = this.byValue.get(key) ?? this.all.push(set) - 1;
    this.byValue.set(key, number);
    this.byObject.set(set, number);
    return number;
  }

  byClass({ of, count }: ByteClasses): Uint8Array[] {
    return Array.from({ length: count }, (_, byteClass) => {
      const member = of.indexOf(byteClass);
      return Uint8Array.from(this.all, (set) => set[member]);
    });
  }
}

/** Of the position behind the last byte: nothing may follow. */
const neverSet: ByteSet = new Uint8Array(256);
