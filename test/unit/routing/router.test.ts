import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { RouteMatch } from '../../../src/routing/route-match.ts';
import { compileRoutes, rememberedAuthoritiesMax } from '../../../src/routing/router.ts';

type Pair = readonly [name: string, value: string];

function head(path: string, authority = 'greeter', ...more: Pair[]): HeaderBlock {
  return HeaderBlock.of(
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', authority],
    [':path', path],
    ...more,
  );
}
function grpc(path: string, type = 'application/grpc'): HeaderBlock {
  return HeaderBlock.of([':method', 'POST'], [':path', path], ['content-type', type]);
}
/** A router whose plans are the names of its routes. */
function router(matches: Record<string, RouteMatch>) {
  return compileRoutes(Object.entries(matches).map(([name, match]) => ({ name, match, plan: name })));
}
function holds(match: RouteMatch, of: HeaderBlock): boolean {
  return router({ it: match }).route(of) === 'it';
}

describe('router', () => {
  it('has no plan for a head that matches no route', () => {
    expect(router({}).route(head('/'))).to.equal(null);
    expect(router({ a: { path: '/a' } }).route(head('/b'))).to.equal(null);
    expect(router({ a: { path: '/a' } }).route(HeaderBlock.of())).to.equal(null);
  });

  it('takes the first route in order, whichever way each is found', () => {
    const r = router({
      early: { pathPrefix: '/a/b' },
      exact: { path: '/a/b' },
      second: { path: '/a/c', method: 'PUT' },
      third: { path: '/a/c' },
      all: {},
      late: { path: '/z' },
    });
    expect(r.route(head('/a/b'))).to.equal('early');
    expect(r.route(head('/a/c'))).to.equal('third');
    expect(r.route(head('/z'))).to.equal('all');
  });

  it('compares whole paths without their query', () => {
    expect(holds({ path: '/a' }, head('/a'))).to.equal(true);
    expect(holds({ path: '/a' }, head('/a?b=/c'))).to.equal(true);
    expect(holds({ path: '/a' }, head('/a/'))).to.equal(false);
    expect(holds({ path: '/a' }, head('/A'))).to.equal(false);
    expect(holds({ path: '/ä' }, head('/%C3%A4'))).to.equal(true);
  });

  it('takes a prefix by whole segments', () => {
    for (const path of ['/api', '/api/', '/api/x', '/api?x'])
      expect(holds({ pathPrefix: '/api' }, head(path)), path).to.equal(true);
    for (const path of ['/apiary', '/ap', '/', '/x/api'])
      expect(holds({ pathPrefix: '/api' }, head(path)), path).to.equal(false);
    expect(holds({ pathPrefix: '/api/' }, head('/api'))).to.equal(false);
    expect(holds({ pathPrefix: '/' }, head('/anything'))).to.equal(true);
  });

  it('matches a path by a safe regular expression, and refuses another kind by the name of its route', () => {
    expect(holds({ pathRegex: '/v\\d+/.*' }, head('/v12/x?y'))).to.equal(true);
    expect(holds({ pathRegex: '/v\\d+' }, head('/v12/x'))).to.equal(false);
    expect(() => router({ bad: { pathRegex: '(a' } })).to.throw('route "bad": "(a": a "(" is not closed');
  });

  it('matches gRPC by service, by method and by both, for gRPC content only', () => {
    const both = { grpc: { service: 'pkg.Svc', method: 'Do' } };
    expect(holds(both, grpc('/pkg.Svc/Do'))).to.equal(true);
    expect(holds(both, grpc('/pkg.Svc/Do', 'application/grpc+proto'))).to.equal(true);
    expect(holds(both, grpc('/pkg.Svc/Do', 'application/json'))).to.equal(false);
    expect(holds(both, grpc('/pkg.Svc/Done'))).to.equal(false);
    expect(holds({ ...both, path: '/pkg.Svc/Else' }, grpc('/pkg.Svc/Else'))).to.equal(false);
    expect(holds({ grpc: { service: 'pkg.Svc' } }, grpc('/pkg.Svc/Any'))).to.equal(true);
    expect(holds({ grpc: { service: 'pkg.Svc' } }, grpc('/pkg.Svc2/Any'))).to.equal(false);
    expect(holds({ grpc: { method: 'Do' } }, grpc('/x.Y/Do'))).to.equal(true);
    expect(holds({ grpc: { method: 'Do' } }, grpc('/x/y/Do'))).to.equal(false);
    expect(holds({ grpc: { method: 'Do' } }, grpc('/Do'))).to.equal(false);
    expect(holds({ grpc: {} }, grpc('/x/y'))).to.equal(true);
    expect(holds({ grpc: {} }, head('/x/y'))).to.equal(false);
  });

  it('matches the authority in any case, and its port only if one is asked for', () => {
    for (const authority of ['greeter', 'GREETER', 'greeter:80']) {
      expect(holds({ authority: 'Greeter' }, head('/', authority)), authority).to.equal(true);
    }
    expect(holds({ authority: 'greeter' }, head('/', 'greeters'))).to.equal(false);
    expect(holds({ authority: 'greeter' }, head('/', '%67ree%54er%2E:80')), 'percent-encoded').to.equal(true);
    expect(holds({ authority: 'gre%65ter' }, head('/', 'greeter')), 'in the configuration').to.equal(true);
    expect(holds({ authority: 'a%2fb' }, head('/', 'a%2Fb'))).to.equal(true);
    expect(holds({ authority: 'a%2fb' }, head('/', 'a%252fb'))).to.equal(false);
    expect(holds({ authority: 'greeter:80' }, head('/', 'greeter:80'))).to.equal(true);
    expect(holds({ authority: 'greeter:80' }, head('/', 'greeter'))).to.equal(false);
    expect(holds({ authority: '[::1]' }, head('/', '[::1]:80'))).to.equal(true);
    expect(holds({ authority: '[::1]:80' }, head('/', '[::1]:81'))).to.equal(false);
    expect(holds({ authority: '*' }, head('/', ''))).to.equal(true);
    expect(holds({ authority: '*:80' }, head('/', 'any:80'))).to.equal(true);
    expect(holds({ authority: '*:80' }, head('/', 'any'))).to.equal(false);
  });

  it('takes hosts below a suffix, not the suffix itself', () => {
    const match = { authority: '*.example.com' };
    for (const yes of ['a.example.com', 'a.b.example.com:1', 'A.Example.com'])
      expect(holds(match, head('/', yes)), yes).to.equal(true);
    for (const no of ['example.com', '.example.com', 'aexample.com', 'a.example.com.evil'])
      expect(holds(match, head('/', no)), no).to.equal(false);
  });

  it('reads the host header where there is no authority', () => {
    expect(holds({ authority: 'greeter' }, HeaderBlock.of([':path', '/'], ['host', 'greeter:1']))).to.equal(
      true,
    );
  });

  it('keeps routing rightly however many authorities come by', () => {
    const r = router({ a: { authority: 'a.x' }, x: { authority: '*.x' }, all: {} });
    for (let i = 0; i < rememberedAuthoritiesMax * 3; i++)
      expect(r.route(head('/', `h${i}.x:${i}`))).to.equal('x');
    expect(r.route(head('/', 'a.x:1'))).to.equal('a');
    expect(r.route(head('/', 'y'.repeat(10_000)))).to.equal('all');
  });

  it('matches the method exactly', () => {
    expect(holds({ method: 'GET' }, head('/'))).to.equal(true);
    expect(holds({ method: 'get' }, head('/'))).to.equal(false);
  });

  describe('headers', () => {
    const some = head('/', 'greeter', ['x-env', 'canary-1'], ['x-env', 'blue'], ['x-utf', '\u00c3\u00a4']);
    const cases: Array<[string, NonNullable<RouteMatch['headers']>, boolean]> = [
      ['a value, any of several', [{ name: 'X-Env', exact: 'blue' }], true],
      ['a value that is not there', [{ name: 'x-env', exact: 'green' }], false],
      ['a value beyond ASCII', [{ name: 'x-utf', exact: 'ä' }], true],
      ['a prefix', [{ name: 'x-env', prefix: 'canary' }], true],
      ['a regular expression for the whole value', [{ name: 'x-env', regex: 'canary-\\d' }], true],
      ['a regular expression for a part', [{ name: 'x-env', regex: 'canary' }], false],
      ['presence', [{ name: 'x-env' }], true],
      ['presence, said', [{ name: 'x-none', present: true }], false],
      ['absence', [{ name: 'x-none', present: false }], true],
      ['absence of what is there', [{ name: 'x-env', present: false }], false],
      ['an inverted value', [{ name: 'x-env', exact: 'green', invert: true }], true],
      ['an inverted value of an absent header', [{ name: 'x-none', exact: 'a', invert: true }], true],
      ['inverted absence', [{ name: 'x-env', present: false, invert: true }], true],
      ['two of which one does not hold', [{ name: 'x-env', exact: 'blue' }, { name: 'x-none' }], false],
      ['two conditions that only two values fulfil', [{ name: 'x-env', prefix: 'can', regex: 'b.*' }], false],
    ];
    for (const [name, headers, expected] of cases) {
      it(`${expected ? 'take' : 'leave'} ${name}`, () => expect(holds({ headers }, some)).to.equal(expected));
    }

    it('are found in a shared base too', () => {
      const onBase = new HeaderBlock(
        HeaderBlock.of(['x-b', '2']).fields,
        HeaderBlock.of([':path', '/'], ['x-a', '1']),
      );
      expect(
        holds(
          {
            path: '/',
            headers: [
              { name: 'x-a', exact: '1' },
              { name: 'x-b', exact: '2' },
            ],
          },
          onBase,
        ),
      ).to.equal(true);
    });
  });

  it('never throws, and gives the plan that trying each route in turn gives', () => {
    const word = fc.constantFrom('', '/', '/a', '/a/b', '/a/b/c', 'a', 'a.b', '*', '*.b', 'a:1', '?', '/a?x');
    const match: fc.Arbitrary<RouteMatch> = fc.record(
      {
        authority: word,
        path: word,
        pathPrefix: word,
        method: fc.constantFrom('GET', 'POST'),
        grpc: fc.record({ service: word, method: word }, { requiredKeys: [] }),
        headers: fc.array(fc.record({ name: word, exact: word, invert: fc.boolean() }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const value = fc.oneof(word, fc.string({ unit: 'binary', maxLength: 8 }));
    const name = fc.oneof(
      fc.constantFrom(':path', ':method', ':authority', 'content-type', 'host'),
      word,
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(
        fc.array(match, { maxLength: 6 }),
        fc.array(fc.tuple(name, value), { maxLength: 6 }),
        (matches, pairs) => {
          const block = HeaderBlock.of(...pairs);
          const together = compileRoutes(matches.map((m, i) => ({ name: `${i}`, match: m, plan: i })));
          const alone = matches.findIndex((m) => holds(m, block));
          expect(together.route(block)).to.equal(alone < 0 ? null : alone);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
