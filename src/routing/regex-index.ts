import { LiteralScan } from './literal-scan.ts';
import { type LiteralPlace, type RequiredLiteral, requiredLiterals } from './regex-literals.ts';
import { countPositions, Positions } from './regex-positions.ts';
import type { SafeRegex } from './safe-regex.ts';
import type { StateBudget } from './state-budget.ts';
import { UnionAutomaton } from './union-automaton.ts';

/** A pattern as written, and as it matches. */
export interface WrittenRegex {
  readonly source: string;
  readonly regex: SafeRegex;
}

/** A route as the index sees it: its place in the order. */
export interface Ordered {
  readonly index: number;
}

/** Patterns that share a literal are matched one by one up to this number, together above it. */
const singlePatternsMax = 4;

/**
 * Positions of patterns, and pairs of positions that follow each other, that are matched together in one router: about 24 and
 * 4 bytes each. What goes beyond is matched one by one.
 */
export const unionPositionsMax = 524_288;
export const unionFollowsMax = 2_097_152;

interface Pattern<R> {
  readonly regex: SafeRegex;
  /** In order. */
  readonly routes: R[];
}

/** Patterns of which none matches a text without the literal. */
interface Bucket<R> {
  readonly union: UnionAutomaton<R[]> | null;
  /** The patterns of the union. */
  readonly together: readonly Pattern<R>[];
  /** The patterns that are matched one by one. */
  readonly single: readonly Pattern<R>[];
  /** The look-up that took it last. */
  takenIn: number;
}

type Places<R> = Partial<Record<LiteralPlace, Bucket<R>>>;

/**
 * Finds the routes whose regular expression may match a text, without asking each of them. Every pattern waits under the
 * literal that the fewest others require as well, and one pass over the text finds the literals in it. Patterns under the same
 * literal, or without any, share an automaton. So the cost grows with the text and with what may match it.
 */
export class RegexIndex<R extends Ordered> {
  private readonly scan: LiteralScan<Places<R>>;
  private readonly always: Bucket<R> | null;
  private readonly budget: StateBudget;
  private positionsLeft = unionPositionsMax;
  private followsLeft = unionFollowsMax;
  private lookups = 0;

  /** `routes` in order, each with the pattern that it requires the text to match. */
  constructor(routes: ReadonlyArray<readonly [route: R, pattern: WrittenRegex]>, budget: StateBudget) {
    this.budget = budget;
    const { byLiteral, rest } = underRarestLiterals([...patternsOf(routes).values()]);
    const literals = new Map<string, Places<R>>();
    for (const [text, places] of byLiteral) {
      const buckets: Places<R> = {};
      for (const [place, patterns] of places) buckets[place] = this.bucketOf(patterns);
      literals.set(text, buckets);
    }
    this.scan = new LiteralScan(literals);
    this.always = rest.length === 0 ? null : this.bucketOf(rest);
  }

  /** Adds lists of routes, each in order, to `lists`: all that match the text. */
  collect(text: string, lists: (readonly R[])[]): void {
    this.lookups += 1;
    if (this.always !== null) this.take(this.always, text, lists);
    this.scan.scan(text, (places, end, length) => {
      if (places.start !== undefined && end === length) this.take(places.start, text, lists);
      if (places.end !== undefined && end === text.length) this.take(places.end, text, lists);
      if (places.anywhere !== undefined) this.take(places.anywhere, text, lists);
    });
  }

  private take(bucket: Bucket<R>, text: string, lists: (readonly R[])[]): void {
    // A literal may stand in a text many times.
    if (bucket.takenIn === this.lookups) return;
    bucket.takenIn = this.lookups;
    for (const { regex, routes } of bucket.single) if (regex.matches(text)) lists.push(routes);
    const together = bucket.union?.match(text);
    if (together !== undefined && together !== null) lists.push(together);
    else if (together === undefined)
      for (const { regex, routes } of bucket.together) if (regex.matches(text)) lists.push(routes);
  }

  private bucketOf(patterns: readonly Pattern<R>[]): Bucket<R> {
    const together: Pattern<R>[] = [];
    const positions: Positions[] = [];
    const single: Pattern<R>[] = [];
    for (const pattern of patterns) {
      const built = patterns.length > singlePatternsMax ? this.positionsOf(pattern) : null;
      if (built === null) single.push(pattern);
      else {
        together.push(pattern);
        positions.push(built);
      }
    }
    const routesOf = (numbers: Uint32Array): R[] =>
      Array.from(numbers, (n) => together[n].routes)
        .flat()
        .sort((a, b) => a.index - b.index);
    return {
      union: together.length === 0 ? null : new UnionAutomaton(positions, routesOf, this.budget),
      together,
      single,
      takenIn: 0,
    };
  }

  /** The positions of a pattern, or null where those of the others leave no room for them. */
  private positionsOf({ regex }: Pattern<R>): Positions | null {
    const count = countPositions(regex.tree) + 1;
    if (count > this.positionsLeft || this.followsLeft <= 0) return null;
    const positions = new Positions(regex.tree);
    this.positionsLeft -= count;
    this.followsLeft -= positions.follow.reduce((sum, { length }) => sum + length, 0);
    return positions;
  }
}

function patternsOf<R>(
  routes: ReadonlyArray<readonly [route: R, pattern: WrittenRegex]>,
): Map<string, Pattern<R>> {
  const patterns = new Map<string, Pattern<R>>();
  for (const [route, { source, regex }] of routes) {
    const known = patterns.get(source);
    if (known === undefined) patterns.set(source, { regex, routes: [route] });
    else known.routes.push(route);
  }
  return patterns;
}

type ByLiteral<R> = Map<string, Map<LiteralPlace, Pattern<R>[]>>;

/** Puts each pattern under the literal that the fewest patterns require, the longest of those. */
function underRarestLiterals<R>(patterns: readonly Pattern<R>[]): {
  byLiteral: ByLiteral<R>;
  rest: Pattern<R>[];
} {
  const literals = patterns.map(({ regex }) => requiredLiterals(regex.tree));
  const counts = new Map<string, number>();
  const keyOf = ({ place, text }: RequiredLiteral): string => `${place} ${text}`;
  for (const literal of literals.flat()) counts.set(keyOf(literal), (counts.get(keyOf(literal)) ?? 0) + 1);
  const byLiteral: ByLiteral<R> = new Map();
  const rest: Pattern<R>[] = [];
  patterns.forEach((pattern, i) => {
    const rank = (literal: RequiredLiteral): number => counts.get(keyOf(literal)) ?? 0;
    const [rarest] = literals[i].sort((a, b) => rank(a) - rank(b) || b.text.length - a.text.length);
    if (rarest === undefined) {
      rest.push(pattern);
      return;
    }
    const places = byLiteral.get(rarest.text) ?? new Map<LiteralPlace, Pattern<R>[]>();
    byLiteral.set(rarest.text, places);
    const there = places.get(rarest.place);
    if (there === undefined) places.set(rarest.place, [pattern]);
    else there.push(pattern);
  });
  return { byLiteral, rest };
}
