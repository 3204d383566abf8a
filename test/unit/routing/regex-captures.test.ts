import { expect } from 'chai';
import fc from 'fast-check';
import {
  captureGroupsMax,
  captureInstructionsMax,
  compileCaptureRegex,
} from '../../../src/routing/regex-captures.ts';
import { compileSafeRegex } from '../../../src/routing/safe-regex.ts';
import { anyPattern, anyText } from './patterns.ts';

function partsOf(pattern: string, text: string): readonly string[] | null {
  const { value, error } = compileCaptureRegex(pattern);
  if (value === undefined) throw new Error(error);
  return value.match(text);
}

/** Patterns whose groups stand outside of quantifiers: inside, engines differ about what is kept of the last round. */
const flatPattern = fc
  .array(
    fc
      .tuple(
        fc.constantFrom('(', '(?:'),
        fc.array(
          fc.constantFrom(
            'a',
            'b',
            '/',
            'a*',
            'b+',
            '.*',
            '.*?',
            '[ab]+?',
            '(?:ab)*',
            'b??',
            'a{1,2}',
            '(a|ab)',
            '|',
          ),
          { minLength: 1, maxLength: 4 },
        ),
      )
      .map(([open, atoms]) => `${open}${atoms.join('')})`),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(''));

describe('regex captures', () => {
  it('shows the whole text and what each group matched', () => {
    expect(partsOf('/users/([^/]+)/orders/(\\d+)', '/users/ada/orders/7')).to.deep.equal([
      '/users/ada/orders/7',
      'ada',
      '7',
    ]);
    expect(partsOf('/users/(\\d+)', '/users/ada')).to.equal(null);
    expect(partsOf('/a', '/a/b')).to.equal(null);
  });

  it('numbers groups by their opening parentheses, also around the same thing', () => {
    expect(partsOf('((a)(b))((c))', 'abc')).to.deep.equal(['abc', 'ab', 'a', 'b', 'c', 'c']);
  });

  it('gives nothing for a group that took no part, and the last round for one that is repeated', () => {
    expect(partsOf('(a)|(b)', 'b')).to.deep.equal(['b', '', 'b']);
    expect(partsOf('(?:(\\w)/)*', 'a/b/')).to.deep.equal(['a/b/', 'b']);
  });

  it('takes as much as a greedy quantifier and as little as a lazy one can', () => {
    expect(partsOf('/(.*)/(.*)', '/a/b/c')).to.deep.equal(['/a/b/c', 'a/b', 'c']);
    expect(partsOf('/(.*?)/(.*)', '/a/b/c')).to.deep.equal(['/a/b/c', 'a', 'b/c']);
    expect(partsOf('(a{1,2}?)(a*)', 'aaa')).to.deep.equal(['aaa', 'a', 'aa']);
  });

  it('matches what the engine of routes matches', () => {
    fc.assert(
      fc.property(anyPattern, anyText, (pattern, text) => {
        const { value } = compileCaptureRegex(pattern);
        const { value: plain } = compileSafeRegex(pattern);
        if (value === undefined || plain === undefined) return;
        expect(value.match(text) !== null).to.equal(plain.matches(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('shows the parts that JavaScript shows', () => {
    fc.assert(
      fc.property(flatPattern, anyText, (pattern, text) => {
        const expected = new RegExp(`^(?:${pattern})$`).exec(text);
        const parts = expected === null ? null : [...expected].map((part) => part ?? '').slice(0, 10);
        expect(partsOf(pattern, text)).to.deep.equal(parts);
      }),
      { numRuns: 2000 },
    );
  });

  it(`counts every group and shows the first ${captureGroupsMax}`, () => {
    const { value } = compileCaptureRegex('(a)'.repeat(12));
    expect(value?.groups).to.equal(12);
    expect(value?.match('a'.repeat(12))).to.have.length(captureGroupsMax + 1);
  });

  it('takes time in proportion to the text, also where an engine that backtracks does not end', () => {
    const { value } = compileCaptureRegex('((?:a+)+)(b)');
    expect(value?.match(`${'a'.repeat(20_000)}c`)).to.equal(null);
    expect(value?.match(`${'a'.repeat(20_000)}b`)?.[2]).to.equal('b');
  });

  it('refuses what the engine of routes refuses, and patterns that become too large', () => {
    expect(compileCaptureRegex('(?=a)').error).to.match(/no look-around/);
    expect(compileCaptureRegex('(a').error).to.match(/not closed/);
    expect(compileCaptureRegex('a{255}b{255}').error).to.match(/510 positions/);
    expect(compileCaptureRegex('(?:(){255}){255}').error).to.equal(
      'the pattern repeats too much; write smaller counts',
    );
    expect(captureInstructionsMax).to.be.at.most(4096);
  });

  it('ends for counts of nothing, however deep', () => {
    let pattern = '(?:){255}';
    for (let i = 0; i < 30; i++) pattern = `(?:${pattern}){255}`;
    expect(partsOf(pattern, '')).to.deep.equal(['']);
  });

  it('matches no text with characters above U+00FF', () => {
    expect(partsOf('(.*)', 'aЖ')).to.equal(null);
  });
});
