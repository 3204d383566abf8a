import { expect } from 'chai';
import fc from 'fast-check';
import { Positions } from '../../../src/routing/regex-positions.ts';
import { parseRegex } from '../../../src/routing/regex-syntax.ts';
import { StateBudget } from '../../../src/routing/state-budget.ts';
import { UnionAutomaton } from '../../../src/routing/union-automaton.ts';
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
