import { expect } from 'chai';
import fc from 'fast-check';
import { requiredLiterals } from '../../../src/routing/regex-literals.ts';
import { parseRegex } from '../../../src/routing/regex-syntax.ts';
import { anyPattern, anyText } from './patterns.ts';

function literalsOf(pattern: string): string[] {
  const { value, error } = parseRegex(pattern);
  if (value === undefined) throw new Error(error);
  return requiredLiterals(value).map(({ place, text }) => `${place} ${text}`);
}

describe('routing/regex-literals', () => {
  it('finds how a match begins, how it ends and what stands between', () => {
    for (const [pattern, literals] of [
      ['^/tenant-1/.*', ['start /tenant-1/']],
      ['.*/tenant-1$', ['end /tenant-1']],
      ['.*/tenant-1/.*', ['anywhere /tenant-1/']],
      ['/a', ['start /a', 'end /a']],
      ['/a/[a-z]+/b-[0-9]/c', ['start /a/', 'end /c', 'anywhere /b-']],
      ['/(abc|abd)x', ['start /ab', 'end x']],
      ['(x|ax)', ['end x']],
      ['(ab){2}c*', ['start abab']],
      ['(ab){2,}', ['start abab', 'end abab']],
      ['a?b', ['end b']],
      ['x{0}a', ['start a', 'end a']],
      ['[a-z]+[0-9]{3}x?', []],
      ['', []],
      ['a|b', []],
      ['(a|)b', ['end b']],
      ['(\\.)[a](\\x62)', ['start .ab', 'end .ab']],
    ] as const)
      expect(literalsOf(pattern), pattern).to.deep.equal(literals);
  });

  it('holds for every text that matches', () => {
    fc.assert(
      fc.property(anyPattern, anyText, (pattern, text) => {
        if (!new RegExp(`^(?:${pattern})$`).test(text)) return;
        const { value } = parseRegex(pattern);
        if (value === undefined) throw new Error(`/${pattern}/ is refused`);
        for (const literal of requiredLiterals(value)) {
          const at = {
            start: text.startsWith(literal.text),
            end: text.endsWith(literal.text),
            anywhere: text.includes(literal.text),
          };
          expect(
            at[literal.place],
            `/${pattern}/ on ${text} has ${literal.text} at ${literal.place}`,
          ).to.equal(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
