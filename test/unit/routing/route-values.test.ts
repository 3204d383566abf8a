import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { namedValuesMax } from '../../../src/routing/route-input.ts';
import type { RouteMatch } from '../../../src/routing/route-match.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { configOf, minimal, problemsOf, warningsOf } from '../config/support.ts';

interface From {
  readonly path?: string;
  readonly method?: string;
  readonly cookies?: readonly string[];
  readonly source?: string;
}

function matches(
  match: RouteMatch,
  { path = '/', method = 'GET', cookies = [], source }: From = {},
): boolean {
  const head = HeaderBlock.of(
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
    ...cookies.map((value): [string, string] => ['cookie', value]),
  );
  return compileRoutes([{ name: 'it', match, plan: true }]).route(head, source) === true;
}

describe('routes by cookie, parameter, source, and one of several', () => {
  it('by a cookie, in one header or several', () => {
    const match = { cookies: [{ name: 'canary', exact: '1' }] };
    expect(matches(match, { cookies: ['a=b; canary=1; c=d'] })).to.equal(true);
    expect(matches(match, { cookies: ['a=b', 'canary=1'] })).to.equal(true);
    expect(matches(match, { cookies: ['canary=10; Canary=1; xcanary=1; a=canary=1'] })).to.equal(false);
    expect(matches(match)).to.equal(false);
    expect(matches({ cookies: [{ name: 'c', present: false }] })).to.equal(true);
    expect(
      matches(
        {
          cookies: [
            { name: 'c', prefix: 'v' },
            { name: 'd', regex: '\\d+' },
          ],
        },
        { cookies: ['c=v1; d=12'] },
      ),
    ).to.equal(true);
  });

  it('by a parameter of the query, decoded', () => {
    const match = { query: [{ name: 'größe', exact: 'a b' }] };
    expect(matches(match, { path: '/x?y&gr%C3%B6%C3%9Fe=a+b' })).to.equal(true);
    expect(matches(match, { path: '/x?gr%c3%b6%c3%9fe=a%20b#' })).to.equal(false);
    expect(matches(match, { path: '/größe=a b' })).to.equal(false);
    expect(matches({ query: [{ name: 'debug' }] }, { path: '/?debug' })).to.equal(true);
    expect(matches({ query: [{ name: 'v', exact: '2', invert: true }] }, { path: '/?v=1' })).to.equal(true);
    expect(matches({ query: [{ name: 'v', exact: '2', invert: true }] }, { path: '/?v=1&v=2' })).to.equal(
      false,
    );
    expect(matches({ query: [{ name: 'v', exact: 'a=b' }] }, { path: '/?v=a=b' })).to.equal(true);
  });

  it(`reads the first ${namedValuesMax} cookies and parameters`, () => {
    const many = (count: number, last: string, separator: string) =>
      [...Array.from({ length: count }, (_, i) => `a${i}=`), last].join(separator);
    const query = { query: [{ name: 'last' }] };
    expect(matches(query, { path: `/?${many(namedValuesMax - 1, 'last=1', '&')}` })).to.equal(true);
    expect(matches(query, { path: `/?${many(namedValuesMax, 'last=1', '&')}` })).to.equal(false);
    const cookies = { cookies: [{ name: 'last' }] };
    const half = many(namedValuesMax / 2 - 1, 'b=1', '; ');
    expect(matches(cookies, { cookies: [half, many(namedValuesMax / 2 - 1, 'last=1', '; ')] })).to.equal(
      true,
    );
    expect(matches(cookies, { cookies: [half, half, 'last=1'] })).to.equal(false);
  });

  it('by the address of the client', () => {
    const match = { source: ['10.0.0.0/8', '::1'] };
    expect(['10.1.2.3', '::1', '::ffff:10.0.0.1'].map((source) => matches(match, { source }))).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect(['11.0.0.1', '::2', ''].map((source) => matches(match, { source }))).to.deep.equal([
      false,
      false,
      false,
    ]);
    expect(matches(match), 'a Unix socket').to.equal(false);
    expect(() => matches({ source: 'here' })).to.throw(/route "it": "here" is not an address range/);
  });

  it('by one of several methods and path prefixes', () => {
    const match = { method: ['GET', 'HEAD'], pathPrefix: ['/a', '/b/c'] };
    expect(matches(match, { path: '/b/c/d', method: 'HEAD' })).to.equal(true);
    expect(matches(match, { path: '/a' })).to.equal(true);
    expect(matches(match, { path: '/b' })).to.equal(false);
    expect(matches(match, { path: '/ab' })).to.equal(false);
    expect(matches(match, { path: '/a', method: 'POST' })).to.equal(false);
  });

  it('keeps the order of routes where one is found in several ways', () => {
    const router = compileRoutes([
      { name: 'two', match: { pathPrefix: ['/a', '/a/b'], method: 'PUT' }, plan: 'two' },
      { name: 'next', match: { pathPrefix: '/a' }, plan: 'next' },
    ]);
    const head = HeaderBlock.of([':method', 'GET'], [':path', '/a/b'], [':authority', 'a']);
    expect(router.route(head)).to.equal('next');
  });
});

describe('such matches in a configuration', () => {
  const file = (match: string) => minimal({ route: `, match: ${match}` });
  const said = (match: string): string =>
    problemsOf(file(match))
      .join('\n')
      .replaceAll(/^f\.yaml:\d+:\d+ listeners\[0\]\.routes\[0\]\.match\./gm, '');

  it('are one value or a list of several', () => {
    const read = (match: string) => configOf(file(match)).listeners[0].routes[0].match;
    expect(read('{ method: GET, pathPrefix: /a, source: 10.0.0.0/8 }')).to.deep.include({
      method: ['GET'],
      pathPrefix: ['/a'],
      source: ['10.0.0.0/8'],
    });
    expect(read('{ method: [GET, HEAD] }').method).to.deep.equal(['GET', 'HEAD']);
    expect(said('{ method: [GET, GET] }')).to.equal('method: "GET" is in the list twice; write it once');
    expect(said('{ method: [] }')).to.equal('method: is a list; write one value or more');
    expect(said('{ method: [get] }')).to.match(
      /^method: "get" is not a HTTP method; write a method in capitals/,
    );
    expect(said('{ pathPrefix: [/a, b] }')).to.match(/^pathPrefix: "b" is not a path/);
  });

  it('name a range that is none, and what to write', () => {
    expect(said('{ source: 10.0.0.1/8 }')).to.equal(
      'source: "10.0.0.1/8" has bits beyond the first 8; write 10.0.0.0/8 for the range, or 10.0.0.1 for one address',
    );
    expect(said('{ source: [10.0.0.0/8, localhost] }')).to.equal(
      'source: "localhost" is not an address range; write an IP address, or a range such as 10.0.0.0/8 or fd00::/8',
    );
  });

  it('have values that exclude each other, and safe patterns', () => {
    expect(said('{ cookies: [{ name: a, exact: b, prefix: c }] }')).to.match(
      /^cookies\[0\]\.prefix: exact and prefix each match the value/,
    );
    expect(said('{ query: [{ name: a, regex: "(?=a)" }] }')).to.match(
      /^query\[0\]\.regex: "\(\?=a\)" cannot be used/,
    );
    expect(said('{ query: [{ exact: a }] }')).to.match(/^query\[0\]\.name: is missing/);
    expect(said('{ cookies: [{ name: "a b" }] }')).to.match(
      /^cookies\[0\]\.name: "a b" is not a cookie name/,
    );
  });

  it('are no match for every request', () => {
    const two = (match: string) => minimal({ route: `, match: ${match} }, { name: rest, cluster: greeter` });
    for (const match of [
      '{ source: 10.0.0.0/8 }',
      '{ cookies: [{ name: a }] }',
      '{ query: [{ name: a }] }',
      '{ method: [GET, PUT] }',
    ])
      expect(warningsOf(two(match)), match).to.deep.equal([]);
    expect(warningsOf(two('{}'))[0]).to.match(/no call gets here/);
  });
});
