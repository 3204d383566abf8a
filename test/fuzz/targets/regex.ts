import { setFlagsFromString } from 'node:v8';
import { createContext, Script } from 'node:vm';
import { regexPatternCharsMax } from '../../../src/routing/regex-syntax.ts';
import { compileSafeRegex, regexKeptStatesMax } from '../../../src/routing/safe-regex.ts';
import { ByteSource } from '../byte-source.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

// The reference backtracks; with this V8 starts over with a linear matcher when it does so for too long.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const atoms = [
  'a',
  'b',
  '.',
  '\\d',
  '\\w',
  '\\s',
  '\\S',
  '[ab]',
  '[^a]',
  '[a-f0-9]',
  '\\x41',
  '\\.',
  '/',
  '%',
  '-',
  '[\\]x]',
];
const quantifiers = ['', '', '*', '+', '?', '{2}', '{0}', '{1,3}', '{2,}', '*?', '{0,2}?'];

/** A pattern from the grammar; `budget` bounds its length. */
function patternOf(source: ByteSource, depth: number, budget: { left: number }): string {
  let text = '';
  const parts = 1 + source.below(4);
  for (let i = 0; i < parts && budget.left-- > 0; i++) {
    const kind = source.below(8);
    if (kind < 5 || depth > 4) text += source.pick(atoms) + source.pick(quantifiers);
    else if (kind === 5) text += `(${patternOf(source, depth + 1, budget)})${source.pick(quantifiers)}`;
    else if (kind === 6) text += `(?:${patternOf(source, depth + 1, budget)})${source.pick(quantifiers)}`;
    else text += `${source.pick(atoms)}|`;
  }
  return text;
}

/** Where even that does not help (counts that V8's linear matcher refuses), the reference is given up. */
const referenceMsMax = 100;
const reference = createContext({ pattern: /a/, text: '' });
const asked = new Script('pattern.test(text)');

/** What the backtracking matcher says, or null where it takes too long: one run took 20 s over 19 characters. */
function verdictOf(pattern: RegExp, text: string): boolean | null {
  if (text.length < 8) return pattern.test(text);
  Object.assign(reference, { pattern, text });
  try {
    return asked.runInContext(reference, { timeout: referenceMsMax }) as boolean;
  } catch {
    return null;
  }
}

const alphabet = 'aabbAx09/%-. \n\r\u00a0\u00e9_]';

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const made = source.flag();
  const pattern = made ? patternOf(source, 0, { left: 24 }) : source.text(60);
  const { value, error } = compileSafeRegex(pattern);
  check((value === undefined) !== (error === undefined), 'a matcher or an error');
  if (value === undefined) return check(error !== '', 'a refusal says something');
  check(pattern.length <= regexPatternCharsMax, 'a long pattern is refused');
  const backtracking = new RegExp(`^(?:${pattern})$`);
  const texts = ['', 'a', 'ab'];
  while (source.left > 0 && texts.length < 12) {
    const length = source.below(24);
    const bytes = source.take(length);
    texts.push(
      made
        ? [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('')
        : Buffer.from(bytes).toString('latin1'),
    );
  }
  for (const text of texts) {
    const got = value.matches(text);
    check(
      got === (verdictOf(backtracking, text) ?? got),
      `/${pattern}/ on ${JSON.stringify(text)} gives ${got}`,
    );
    check(value.matches(text) === got, 'a verdict stands');
    check(!value.matches(`${text}\u0100`), 'what is no byte never matches');
  }
  const kept = (value as unknown as { kept: ReadonlyMap<string, unknown> }).kept;
  check(kept.size <= regexKeptStatesMax + 1, `${kept.size} sets are kept`);
}

function literal(pattern: string, ...texts: string[]): Buffer {
  const pieces = [Buffer.of(0, pattern.length), bytesOf(pattern)];
  for (const text of texts) pieces.push(Buffer.of(text.length), bytesOf(text));
  return Buffer.concat(pieces);
}

export const regex: FuzzTarget = {
  about:
    'a safe regular expression gives the verdict of the JavaScript one, and every pattern a matcher or a reason',
  inputBytesMax: 256,
  recordBytes: 1,
  headBytes: 0,
  dictionary: [
    '(',
    ')',
    '(?:',
    '[^',
    ']',
    '|',
    '{1,3}',
    '{2,}',
    '*',
    '+',
    '?',
    '\\x',
    '\\d',
    '.*',
    '^',
    '$',
    '-',
  ].map(bytesOf),
  seeds: () => [
    literal('(a+)+b', 'aaaaaaaaaaaaaaaaaaaaaa', 'aab'),
    literal('/api/v\\d+/.*', '/api/v1/x', '/api/vx'),
    literal('^a|b$', 'a', 'b', 'ab'),
    literal('[a-z]{2,5}x?', 'abcx', 'a'),
    literal('.*a.{8}', 'aaaaaaaaaaaaaaaa', 'baaaaaaaa'),
    literal('[^\\w.-]*|\\s+', '\t ', '!!'),
    literal('a{0}b{1}', 'b', 'ab'),
    literal('(((((a)))))', 'a'),
    literal('\\xe9[\\x80-\\xff]', '\u00e9\u0090'),
    Buffer.from('01030001000205020306000507080102030405060708090a', 'hex'),
    Buffer.from('0101060202030104050602070102030405060708091011121314', 'hex'),
  ],
  run,
};
