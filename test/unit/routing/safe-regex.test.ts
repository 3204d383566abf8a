import { expect } from 'chai';
import fc from 'fast-check';
import { regexCountMax, regexDepthMax, regexPatternCharsMax } from '../../../src/routing/regex-syntax.ts';
import { checkSafeRegex, compileSafeRegex, type SafeRegex } from '../../../src/routing/safe-regex.ts';

function compile(pattern: string): SafeRegex {
  const { value, error } = compileSafeRegex(pattern);
  if (value === undefined) throw new Error(`${pattern}: ${error}`);
  return value;
}

describe('safe regular expressions', () => {
  const cases: Array<[pattern: string, yes: string[], no: string[]]> = [
    ['', [''], ['a']],
    ['/v[12]/.*', ['/v1/', '/v2/x'], ['/v3/', 'x/v1/', '/v1']],
    ['/(?:users|orders)/\\d+', ['/users/7', '/orders/42'], ['/users/', '/users/7/', '/carts/7']],
    ['/(?:[^/]+/)*end', ['/end', '/a/b/end'], ['/a//end', '/a/b/end/']],
    ['a{2,3}b{2}c{1,}d{0}', ['aabbc', 'aaabbccc'], ['abbc', 'aabbcd', 'aaaabbc']],
    ['^a|b$', ['a', 'b'], ['ab', '']],
    ['a+?b*?c??', ['a', 'aabbc'], ['', 'acc']],
    ['[\\w.-]+', ['a_B.9-'], ['a b', '']],
    ['[^a-c]\\x41\\.', ['xA.', '\u00ffA.'], ['aA.', 'xB.', 'xAx']],
    ['\\S\\s\\D', ['a b', 'a\tb'], ['a 1', ' ab']],
    ['(a|)(b|)', ['', 'a', 'b', 'ab'], ['ba']],
  ];
  for (const [pattern, yes, no] of cases) {
    it(`${JSON.stringify(pattern)} holds for the whole text or not at all`, () => {
      const regex = compile(pattern);
      for (const text of yes) expect(regex.matches(text), text).to.equal(true);
      for (const text of no) expect(regex.matches(text), text).to.equal(false);
    });
  }

  it('says what is wrong with a pattern, and where', () => {
    expect(checkSafeRegex('/a.*')).to.equal(undefined);
    expect(checkSafeRegex('a(b')).to.equal('a "(" is not closed at character 4');
    expect(checkSafeRegex('a)b')).to.equal('")" without "(" at character 2');
    expect(checkSafeRegex('[a')).to.equal('a "[" is not closed at character 3');
    expect(checkSafeRegex('a**')).to.equal('a quantifier follows a quantifier at character 3');
    expect(checkSafeRegex('*')).to.equal('"*" has nothing to repeat at character 1');
    expect(checkSafeRegex('(?=a)b')).to.contain('no look-around');
    expect(checkSafeRegex('(a)\\1')).to.contain('"\\1" is not known here');
    expect(checkSafeRegex('a^b')).to.contain('write "\\^" for itself');
    expect(checkSafeRegex('a{3,2}')).to.contain('a count ends before it begins');
    expect(checkSafeRegex('[z-a]')).to.contain('a range must run from a lower');
    expect(checkSafeRegex('[\\d-z]')).to.contain('a range must run from a lower');
    expect(checkSafeRegex('é')).to.contain('is not ASCII');
    expect(checkSafeRegex('a\\')).to.contain('"\\" is not known here');
  });

  it('refuses what is too large, each limit by name', () => {
    expect(checkSafeRegex('a'.repeat(regexPatternCharsMax + 1))).to.contain(
      `${regexPatternCharsMax} are allowed`,
    );
    expect(checkSafeRegex('('.repeat(regexDepthMax + 2))).to.contain(`deeper than ${regexDepthMax}`);
    expect(checkSafeRegex(`a{${regexCountMax + 1}}`)).to.contain(`above ${regexCountMax}`);
    expect(checkSafeRegex('((a{99}){99}){99}')).to.contain('255 are allowed');
  });

  it('matches what makes a backtracking engine hang', () => {
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a?){100}a{100}b', '.*.*.*.*=b', '(?:a|ab|abc)*!']) {
      const text = 'a'.repeat(60_000);
      expect(compile(pattern).matches(text), pattern).to.equal(false);
    }
    expect(compile('(x+x+)+y').matches(`${'x'.repeat(60_000)}y`)).to.equal(true);
  });

  it('goes on matching rightly when a text meets more states than are kept', () => {
    // One state per subset of the last 12 bytes: 4,096 of them.
    const regex = compile('[ab]*a[ab]{11}');
    const same = /^[ab]*a[ab]{11}$/;
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { minLength: 10, maxLength: 600 }), (letters) => {
        const text = letters.join('');
        expect(regex.matches(text)).to.equal(same.test(text));
      }),
      { numRuns: 200 },
    );
  });

  it('agrees with RegExp wherever both accept the pattern', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b',
        '/',
        '.',
        '[ab]',
        '[^a]',
        '\\w',
        '\\d',
        '(',
        ')',
        '(?:',
        '|',
        '*',
        '+',
        '?',
        '{2}',
        '{0,2}',
        '{1,}',
      ],
    );
    const text = fc.array(fc.constantFrom('a', 'b', '/', '1', 'é', ' '), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 9 }),
        fc.array(text, { minLength: 5, maxLength: 5 }),
        (pieces, texts) => {
          const pattern = pieces.join('');
          const { value } = compileSafeRegex(pattern);
          if (value === undefined) return;
          const same = new RegExp(`^(?:${pattern})$`);
          for (const letters of texts)
            expect(value.matches(letters.join('')), `${pattern} on ${letters.join('')}`).to.equal(
              same.test(letters.join('')),
            );
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('never throws, whatever the pattern and the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (pattern, text) => {
        compileSafeRegex(pattern).value?.matches(text);
      }),
    );
  });
});
