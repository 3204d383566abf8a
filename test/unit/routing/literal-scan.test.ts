import { expect } from 'chai';
import fc from 'fast-check';
import { LiteralScan } from '../../../src/routing/literal-scan.ts';

describe('routing/literal-scan', () => {
  it('finds every literal at every place, as a look for each of them does', () => {
    const literal = fc.string({ unit: fc.constantFrom('a', 'b', '\xff'), minLength: 1, maxLength: 5 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\xff', 'c'), maxLength: 20 });
    fc.assert(
      fc.property(fc.uniqueArray(literal, { maxLength: 8 }), text, (literals, within) => {
        const found: string[] = [];
        const scan = new LiteralScan(literals.map((one) => [one, one] as const));
        scan.scan(within, (value, end, length) => {
          expect(length).to.equal(value.length);
          found.push(`${end} ${value}`);
        });
        const expected: string[] = [];
        for (let end = 1; end <= within.length; end++)
          for (const one of literals) if (within.slice(0, end).endsWith(one)) expected.push(`${end} ${one}`);
        expect(found.sort()).to.deep.equal(expected.sort());
      }),
      { numRuns: 2000 },
    );
  });

  it('finds nothing where there are no literals', () => {
    new LiteralScan<string>([]).scan('abc', () => expect.fail('found something'));
  });
});
