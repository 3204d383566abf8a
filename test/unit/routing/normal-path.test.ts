import { expect } from 'chai';
import fc from 'fast-check';
import {
  hasSomethingToNormalize,
  type NormalPathOptions,
  normalizePath,
} from '../../../src/routing/normal-path.ts';

const plain: NormalPathOptions = { normalizePath: true, mergeSlashes: false, escapedSlashes: 'keep' };
const merging: NormalPathOptions = { ...plain, mergeSlashes: true };
const unescaping: NormalPathOptions = { ...plain, escapedSlashes: 'unescape' };

const tables = [
  [
    'removes dot segments and decodes what needs no encoding',
    plain,
    [
      ['/', '/'],
      ['/a/b', '/a/b'],
      ['/x/../secret', '/secret'],
      ['/%73ecret', '/secret'],
      ['/x/%2e%2E/secret', '/secret'],
      ['/x/.%2e/secret', '/secret'],
      ['/./secret', '/secret'],
      ['/%2e/secret', '/secret'],
      ['/a/b/.', '/a/b/'],
      ['/a/b/..', '/a/'],
      ['/..', '/'],
      ['/../../secret', '/secret'],
      ['/a/./b/../c', '/a/c'],
      ['/a//../b', '/a/b'],
      ['//secret', '//secret'],
      ['/...', '/...'],
      ['/.well-known/x', '/.well-known/x'],
      ['/a/.b/..c/d.', '/a/.b/..c/d.'],
      ['/%2f%5c', '/%2F%5C'],
      ['/%252e%252e/x', '/%252e%252e/x'],
      ['/%25%32%65', '/%252e'],
      ['/caf%c3%a9', '/caf%C3%A9'],
      ['/a%20b%7E', '/a%20b~'],
      ['/x/../a?b=/../%73', '/a?b=/../%73'],
      ['/a?b/../c', '/a?b/../c'],
    ],
  ],
  [
    'merges slashes',
    merging,
    [
      ['//secret', '/secret'],
      ['///', '/'],
      ['/a//b?c//d', '/a/b?c//d'],
      ['/a//../b', '/b'],
      ['/a/%2e//b', '/a/b'],
    ],
  ],
  [
    'unescapes slashes',
    unescaping,
    [
      ['/x%2f..%2Fsecret', '/secret'],
      ['/x%5c%2e%2e%5Csecret', '/secret'],
      ['/a%2fb?c%2fd', '/a/b?c%2fd'],
    ],
  ],
  [
    'changes nothing where it is off',
    { ...plain, normalizePath: false },
    [
      ['/x/../%73//%2f', '/x/../%73//%2f'],
      ['/x/.', '/x/.'],
    ],
  ],
] as const;

describe('routing/normal-path', () => {
  for (const [name, options, cases] of tables) {
    it(name, () => {
      for (const [path, normal] of cases) expect(normalizePath(path, options), path).to.equal(normal);
    });
  }

  const piece = fc.constantFrom(
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5C',
    '%25',
    '%73',
    '%C3',
    'a',
    'b',
    '~',
    '|',
    ';',
  );
  const anyPath = fc
    .tuple(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', '?', '?a=/../%2e'))
    .map(([pieces, query]) => `/${pieces.join('')}${query}`);
  const anyOptions = fc.record({
    normalizePath: fc.boolean(),
    mergeSlashes: fc.boolean(),
    escapedSlashes: fc.constantFrom('keep', 'reject', 'unescape'),
  });

  it('is idempotent, and leaves no dot segment, no merged slash and the query', () => {
    fc.assert(
      fc.property(anyPath, anyOptions, (path, options) => {
        const normal = normalizePath(path, options);
        expect(normalizePath(normal, options)).to.equal(normal);
        const [, before, query = ''] = /^([^?]*)(\?.*)?$/.exec(normal) ?? [];
        expect(before[0]).to.equal('/');
        expect(query).to.equal(/\?.*$/.exec(path)?.[0] ?? '');
        if (options.normalizePath) {
          const decoded = before.split('/').map((segment) => segment.replace(/%2e/gi, '.'));
          expect(decoded).to.not.include('.').and.not.include('..');
          expect(before).to.not.match(/%(?:2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/i);
        }
        if (options.mergeSlashes) expect(before).to.not.include('//');
        if (options.escapedSlashes === 'unescape') expect(before).to.not.match(/%(?:2f|5c)/i);
        if (!hasSomethingToNormalize(path)) expect(normal).to.equal(path);
      }),
    );
  });

  it('agrees with the URL standard about dot segments', () => {
    const segment = fc.constantFrom('a', 'b', '.', '..', '%2e', '%2E%2e', 'c.');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const path = `/${segments.join('/')}`;
        expect(normalizePath(path, plain)).to.equal(new URL(`http://a${path}`).pathname);
      }),
    );
  });
});
