import { expect } from 'chai';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/random.ts';
import { Positions } from '../../../src/routing/regex-positions.ts';
import { parseRegex } from '../../../src/routing/regex-syntax.ts';
import { StateBudget } from '../../../src/routing/state-budget.ts';
import { positionsPerTextMax, UnionAutomaton } from '../../../src/routing/union-automaton.ts';
import { anyPattern, anyText } from './patterns.ts';

function union(patterns: readonly string[], budget: StateBudget): UnionAutomaton<number[]> {
  const positions = patterns.map((pattern) => {
    const { value } = parseRegex(pattern);
    if (value === undefined) throw new Error(`/${pattern}/ is refused`);
    return new Positions(value);
  });
  return new UnionAutomaton(positions, (numbers) => [...numbers], budget);
}

describe('routing/union-automaton', () => {
  it('finds the patterns that match, as each by itself, with memory for many states and for one', () => {
    fc.assert(
      fc.property(
        fc.array(anyPattern, { maxLength: 6 }),
        fc.array(anyText, { maxLength: 8 }),
        fc.constantFrom(1, 3000, 1_000_000),
        (patterns, texts, bytesMax) => {
          const budget = new StateBudget(bytesMax);
          const automaton = union(patterns, budget);
          for (const text of [...texts, ...texts]) {
            const expected = patterns.flatMap((pattern, i) =>
              new RegExp(`^(?:${pattern})$`).test(text) ? [i] : [],
            );
            expect(automaton.match(text) ?? [], text).to.deep.equal(expected);
          }
          expect(automaton.match('\u0100')).to.equal(null);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('gives up a text that meets ever new states, and no other', () => {
    const budget = new StateBudget(100_000_000);
    // What stood 12 bytes before the end: 4096 states, and twelve positions or so in each.
    const patterns = Array.from({ length: 200 }, () => '(a|b)*a(a|b){11}');
    const automaton = union([...patterns, 'a(a|b)*'], budget);
    const random = new SeededRandom(7);
    const text = Array.from({ length: 3000 }, () => (random.next() < 0.5 ? 'a' : 'b')).join('');
    expect(automaton.match(text)).to.equal(undefined);
    expect(budget.bytes).to.be.within(1, 30 * positionsPerTextMax);
    for (let n = 0; n < 2; n++) {
      expect(automaton.match('aa')).to.deep.equal([200]);
      expect(automaton.match('c')).to.equal(null);
    }
    const taught = (): boolean => automaton.match(text) !== undefined;
    for (let n = 0; n < 60 && !taught(); n++);
    expect(taught(), 'what it learned of a text it gave up is not lost').to.equal(true);
  });

  it('keeps no more than its budget allows, whatever comes, and keeps again after it forgot', () => {
    const bytesMax = 20_000;
    const budget = new StateBudget(bytesMax);
    const automaton = union(['(a|b)*a(a|b){6}', '(a|b)*b(a|b){7}c?'], budget);
    let dropped = 0;
    let before = 0;
    for (let n = 0; n < 2000; n++) {
      const text = [...n.toString(2).padStart(11, '0')].map((bit) => 'ab'[Number(bit)]).join('');
      const expected = [text.at(-7) === 'a', text.at(-8) === 'b'].flatMap((yes, i) => (yes ? [i] : []));
      expect(automaton.match(text) ?? [], text).to.deep.equal(expected);
      expect(budget.bytes).to.be.within(1, bytesMax);
      if (budget.bytes < before) dropped += 1;
      before = budget.bytes;
    }
    expect(dropped, 'it forgot more than once').to.be.greaterThan(1);
  });
});
