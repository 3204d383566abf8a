import { countPositions } from './regex-positions.ts';
import { type ByteSet, parseRegex, type RegexNode } from './regex-syntax.ts';
import { regexPositionsMax } from './safe-regex.ts';

/**
 * A safe regular expression that shows which part of a text each group matched. The whole text must match; of several ways
 * the one counts that a backtracking engine would find first, so that greedy and lazy quantifiers mean what people expect.
 */
export interface CaptureRegex {
  /** Plain groups of the pattern; those beyond `captureGroupsMax` match, and are not shown. */
  readonly groups: number;
  /**
   * What each group matched, `[0]` being the whole text; '' for a group that took no part. Null where the text does not match.
   * Takes at most `text.length` × `captureInstructionsMax` steps.
   */
  match(text: string): readonly string[] | null;
}

export type CaptureRegexResult =
  | { value: CaptureRegex; error?: undefined }
  | { value?: undefined; error: string };

/** Groups whose parts of a text are shown. */
export const captureGroupsMax = 9;
/** Instructions of one pattern, once its counts are written out. */
export const captureInstructionsMax = 2048;

/** Compiles a pattern, or says what is wrong with it. Never throws. */
export function compileCaptureRegex(pattern: string): CaptureRegexResult {
  const parsed = parseRegex(pattern);
  if (parsed.error !== undefined) return { error: parsed.error };
  const positions = countPositions(parsed.value);
  if (positions > regexPositionsMax)
    return {
      error: `the pattern has ${positions} positions once its counts are written out; ${regexPositionsMax} are allowed`,
    };
  const compiler = new Compiler(parsed.groups);
  compiler.emit(parsed.value);
  compiler.add({ kind: 'end' });
  if (compiler.full) return { error: 'the pattern repeats too much; write smaller counts' };
  return { value: new Machine(compiler.program, parsed.groups.length) };
}

/** One step of a machine. `first` is preferred to `second`. */
type Instruction =
  | { readonly kind: 'byte'; readonly set: ByteSet }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'end' };

class Compiler {
  readonly program: Instruction[] = [];
  full = false;
  private readonly slots: Map<RegexNode, number[]>;

  constructor(groups: readonly RegexNode[]) {
    this.slots = new Map();
    groups.slice(0, captureGroupsMax).forEach((node, i) => {
      // `((a))` is two groups around the same node.
      this.slots.set(node, [...(this.slots.get(node) ?? []), i + 1]);
    });
  }

  add<I extends Instruction>(instruction: I): I {
    if (this.program.length < captureInstructionsMax) this.program.push(instruction);
    else this.full = true;
    return instruction;
  }

  emit(node: RegexNode): void {
    if (this.full) return;
    const numbers = this.slots.get(node) ?? [];
    for (const number of numbers) this.add({ kind: 'save', slot: 2 * number });
    this.emitPlain(node);
    for (const number of numbers) this.add({ kind: 'save', slot: 2 * number + 1 });
  }

  private emitPlain(node: RegexNode): void {
    switch (node.kind) {
      case 'byte':
        this.add({ kind: 'byte', set: node.set });
        break;
      case 'sequence':
        for (const item of node.items) this.emit(item);
        break;
      case 'choice':
        this.emitChoice(node.items);
        break;
      case 'repeat':
        this.emitTimes(node.item, node.min);
        if (node.max === Number.POSITIVE_INFINITY) this.emitLoop(node.item, node.lazy);
        else this.emitOptional(node.item, node.max - node.min, node.lazy);
    }
  }

  private emitTimes(item: RegexNode, times: number): void {
    for (let i = 0; i < times && !this.full; i++) {
      const before = this.program.length;
      this.emit(item);
      // Counts of nothing may nest, and would be written out for ever.
      if (this.program.length === before) return;
    }
  }

  private emitChoice(items: readonly RegexNode[]): void {
    const jumps: { to: number }[] = [];
    for (const item of items.slice(0, -1)) {
      const split = this.split();
      this.emit(item);
      jumps.push(this.add({ kind: 'jump', to: 0 }));
      split.second = this.program.length;
    }
    this.emit(items[items.length - 1]);
    for (const jump of jumps) jump.to = this.program.length;
  }

  private emitLoop(item: RegexNode, lazy: boolean): void {
    const start = this.program.length;
    const split = this.split();
    this.emit(item);
    this.add({ kind: 'jump', to: start });
    this.leave(split, lazy);
  }

  private emitOptional(item: RegexNode, times: number, lazy: boolean): void {
    const splits: { first: number; second: number }[] = [];
    for (let i = 0; i < times && !this.full; i++) {
      splits.push(this.split());
      this.emit(item);
    }
    for (const split of splits) this.leave(split, lazy);
  }

  /** Prefers what follows it. */
  private split(): { first: number; second: number } {
    const next = this.program.length + 1;
    return this.add({ kind: 'split', first: next, second: next });
  }

  /** The other way of a split leads past the item; a lazy one prefers that. */
  private leave(split: { first: number; second: number }, lazy: boolean): void {
    split.second = this.program.length;
    if (lazy) [split.first, split.second] = [split.second, split.first];
  }
}

/** The threads at one place of the text, the preferred one first, each with where its groups began and ended. */
class Threads {
  length = 0;
  readonly at: Int32Array;
  readonly saved: Int32Array;
  /** The place of the text at which an instruction was reached last, so that each is reached once. */
  readonly reached: Int32Array;

  constructor(instructions: number, slots: number) {
    this.at = new Int32Array(instructions);
    this.saved = new Int32Array(instructions * slots);
    this.reached = new Int32Array(instructions);
  }
}

/** Runs all ways through a pattern side by side (Thompson; Pike's form with captures). */
class Machine implements CaptureRegex {
  readonly groups: number;
  private readonly program: readonly Instruction[];
  private readonly slots: number;

  constructor(program: readonly Instruction[], groups: number) {
    this.program = program;
    this.groups = groups;
    this.slots = 2 * (Math.min(groups, captureGroupsMax) + 1);
  }

  match(text: string): readonly string[] | null {
    const { program, slots } = this;
    let now = new Threads(program.length, slots);
    let next = new Threads(program.length, slots);
    now.reached.fill(-1);
    next.reached.fill(-1);
    this.follow(now, 0, 0, new Int32Array(slots).fill(-1));
    for (let i = 0; i < text.length && now.length > 0; i++) {
      const byte = text.charCodeAt(i);
      next.length = 0;
      for (let t = 0; t < now.length; t++) {
        const instruction = program[now.at[t]];
        if (instruction.kind !== 'byte' || instruction.set[byte] !== 1) continue;
        this.follow(next, now.at[t] + 1, i + 1, now.saved.slice(t * slots, (t + 1) * slots));
      }
      [now, next] = [next, now];
    }
    for (let t = 0; t < now.length; t++)
      if (program[now.at[t]].kind === 'end') return this.partsOf(text, now.saved.subarray(t * slots));
    return null;
  }

  /** Adds the threads that an instruction leads to without a byte, in order of preference. */
  private follow(threads: Threads, from: number, place: number, saved: Int32Array): void {
    if (threads.reached[from] === place) return;
    threads.reached[from] = place;
    const instruction = this.program[from];
    if (instruction.kind === 'jump') this.follow(threads, instruction.to, place, saved);
    else if (instruction.kind === 'split') {
      this.follow(threads, instruction.first, place, saved);
      this.follow(threads, instruction.second, place, saved);
    } else if (instruction.kind === 'save') {
      const before = saved[instruction.slot];
      saved[instruction.slot] = place;
      this.follow(threads, from + 1, place, saved);
      saved[instruction.slot] = before;
    } else {
      threads.at[threads.length] = from;
      threads.saved.set(saved, threads.length * this.slots);
      threads.length += 1;
    }
  }

  private partsOf(text: string, saved: Int32Array): string[] {
    const parts = [text];
    for (let slot = 2; slot < this.slots; slot += 2)
      parts.push(saved[slot + 1] < 0 ? '' : text.slice(saved[slot], saved[slot + 1]));
    return parts;
  }
}
