import fc from 'fast-check';

/** Regular expressions of the kind that routes have, over few characters so that many texts match. */
export const anyPattern: fc.Arbitrary<string> = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('/', 'a', 'b', 'ab', '/a', '/b', '/a/', '.', '[ab]', '[^a]', '.*', '[a-b]+'),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => left + right),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(${left}|${right})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0}', '{1,2}', '{1,}'))
      .map(([item, count]) => `(?:${item})${count}`),
  ),
})).pattern;

/** Texts that such patterns match, and others. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.constantFrom('/', 'a', 'b', 'ab', '/a', 'c'), { maxLength: 8 })
  .map((pieces) => pieces.join(''));
