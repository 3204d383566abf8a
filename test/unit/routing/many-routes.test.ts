import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { RouteMatch } from '../../../src/routing/route-match.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { targetRulesDefaults } from '../../../src/routing/target-rules.ts';
import { anyPattern, anyText } from './patterns.ts';

/** Does a match hold? Written after its documentation, one condition after the other, with JavaScript's own engine. */
function holds(match: RouteMatch, head: HeaderBlock): boolean {
  const path = head.path.split('?')[0];
  const [, host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(head.authority.toLowerCase()) ?? [];
  const [, wantedHost, wantedPort = ''] = /^(.*?)(?::(\d+))?$/.exec(match.authority ?? '*') ?? [];
  if (wantedPort !== '' && wantedPort !== port) return false;
  if (wantedHost.startsWith('*.')) {
    if (!host.endsWith(wantedHost.slice(1)) || host.length < wantedHost.length) return false;
  } else if (wantedHost !== '*' && wantedHost !== host) return false;
  const { path: exact, pathPrefix: prefix, pathRegex, grpc, method } = match;
  if (exact !== undefined && exact !== path) return false;
  if (prefix !== undefined && path !== prefix && !path.startsWith(prefix.replace(/\/?$/, '/'))) return false;
  if (pathRegex !== undefined && !new RegExp(`^(?:${pathRegex})$`).test(path)) return false;
  if (method !== undefined && method !== head.method) return false;
  if (grpc !== undefined) {
    const [, service, name] = /^\/([^/]*)\/(.*)$/.exec(path) ?? [];
    if (!head.isGrpc || (grpc.service !== undefined && grpc.service !== service)) return false;
    if (grpc.method !== undefined && grpc.method !== name) return false;
  }
  return (match.headers ?? []).every((header) => {
    const found = head
      .all(header.name)
      .some(
        (value) =>
          (header.exact === undefined || header.exact === value) &&
          (header.prefix === undefined || value.startsWith(header.prefix)) &&
          (header.regex === undefined || new RegExp(`^(?:${header.regex})$`).test(value)),
      );
    return (header.present === false) === (header.invert === true) ? found : !found;
  });
}

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const anyPath = some('/', '/a', '/a/', '/a/b', '/a/b/a', '/b', '/ab', '/ab/a', '/b/ab');
const anyMatch: fc.Arbitrary<RouteMatch> = fc
  .record({
    authority: some('a.x', 'b.x', '*.x', '*.a.x', '*', 'a.x:1', '*:1', '*.x:2', undefined, undefined),
    path: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, anyPath),
    pathPrefix: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, anyPath),
    pathRegex: fc.oneof(fc.constant(undefined), anyPattern),
    method: some('GET', 'POST', undefined, undefined, undefined),
    grpc: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      fc.record({ service: some('a', 'b', undefined), method: some('a', 'b', undefined) }),
    ),
    headers: fc.array(
      fc.record({
        name: some('x-a', 'x-b'),
        exact: some('a', 'ab', undefined, undefined),
        prefix: some('a', '', undefined, undefined),
        regex: fc.oneof(fc.constant(undefined), fc.constant(undefined), anyPattern),
        present: some(true, false, undefined, undefined),
        invert: some(true, false, undefined),
      }),
      { maxLength: 2 },
    ),
  })
  // What a route does not say is not there.
  .map((match) => JSON.parse(JSON.stringify(match)) as RouteMatch);
const anyHead = fc
  .record({
    method: some('GET', 'POST'),
    authority: some('a.x', 'A.x:1', 'b.x', 'c.a.x', 'y', 'b.x:2', '.x'),
    path: fc.oneof(
      anyPath,
      anyText.map((text) => `/${text}`),
    ),
    query: some('', '?q=/a'),
    type: some('application/grpc', 'text/plain'),
    fields: fc.array(fc.tuple(some('x-a', 'x-b', 'x-c'), some('a', 'ab', 'b', '')), { maxLength: 3 }),
  })
  .map(({ method, authority, path, query, type, fields }) =>
    HeaderBlock.of(
      [':method', method],
      [':scheme', 'http'],
      [':authority', authority],
      [':path', path + query],
      ['content-type', type],
      ...fields,
    ),
  );

/** CPU of this process since it began, milliseconds: what other processes take does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

describe('router, with many routes', () => {
  it('takes the route that trying each in turn takes, for all kinds of matches', () => {
    fc.assert(
      fc.property(
        fc.array(anyMatch, { maxLength: 24 }),
        fc.array(anyHead, { minLength: 1, maxLength: 6 }),
        (matches, heads) => {
          const router = compileRoutes(
            matches.map((match, i) => ({ name: `${i}`, match, plan: i })),
            { ...targetRulesDefaults, normalizePath: false },
          );
          for (const head of [...heads, ...heads]) {
            const first = matches.findIndex((match) => holds(match, head));
            expect(router.route(head)).to.equal(first < 0 ? null : first);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  const count = 10_000;
  const head = (path: string, ...more: Array<[string, string]>) =>
    HeaderBlock.of(
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a.test'],
      [':path', path],
      ...more,
    );
  const classes = ['[a-m]', '[n-z]', '[0-4]', '[5-9]', '[a-z]', '[0-9]', '[a-f0-9]'];
  /** A pattern of five sets of characters, without a literal; another one for each number. */
  const ofClasses = (i: number) =>
    [0, 1, 2, 3, 4].map((k) => classes[Math.floor(i / 7 ** k) % 7] + (k % 3 === 0 ? '+' : '')).join('');
  const ofHost = (authority: string) => HeaderBlock.of([':path', '/'], [':authority', authority]);
  const kinds: ReadonlyArray<readonly [string, (i: number) => RouteMatch, (i: number) => HeaderBlock]> = [
    [
      'regexes that differ at their start',
      (i) => ({ pathRegex: `^/tenant-${i}/.*` }),
      (i) => head(`/tenant-${i}/x${i}`),
    ],
    [
      'regexes that differ at their end',
      (i) => ({ pathRegex: `.*/tenant-${i}$` }),
      (i) => head(`/x${i}/tenant-${i}`),
    ],
    [
      'regexes that differ within',
      (i) => ({ pathRegex: `.*/tenant-${i}/.*` }),
      (i) => head(`/x/tenant-${i}/y${i}`),
    ],
    [
      'regexes that share a long literal',
      (i) => ({ pathRegex: `/a/long/common/prefix/[a-z]+/t${i}(/.*)?` }),
      (i) => head(`/a/long/common/prefix/abc/t${i}/x`),
    ],
    [
      'regexes without a literal',
      (i) => ({ pathRegex: `.*${ofClasses(i)}` }),
      (i) => head(`/${'azbn0549'.slice(i % 4)}${i}`),
    ],
    ['the same regex', () => ({ pathRegex: '/[a-z]+[0-9]{3}x?' }), (i) => head(`/a-${i}`)],
    ['path prefixes', (i) => ({ pathPrefix: `/t-${i}` }), (i) => head(`/t-${i}/x`)],
    ['hosts', (i) => ({ authority: `t${i}.test` }), (i) => ofHost(`t${i}.test`)],
    ['host wildcards', (i) => ({ authority: `*.t${i}.test` }), (i) => ofHost(`a.t${i}.test`)],
    ['headers', (i) => ({ headers: [{ name: 'x-t', exact: `${i}` }] }), (i) => head('/', ['x-t', `${i}`])],
    [
      'header prefixes',
      (i) => ({ headers: [{ name: 'x-t', prefix: `${i}-` }] }),
      (i) => head('/', ['x-t', `${i}-a`]),
    ],
    [
      'header regexes',
      (i) => ({ headers: [{ name: 'x-t', regex: `${i}-[a-z]+` }] }),
      (i) => head('/', ['x-t', `${i}-a`]),
    ],
    ['methods', () => ({ method: 'POST' }), () => head('/')],
    [
      'a prefix and a header each',
      (i) => ({ pathPrefix: '/api', headers: [{ name: 'x-t', exact: `${i}` }] }),
      (i) => head('/api/x', ['x-t', `${i}`]),
    ],
  ];
  for (const [name, matchOf, headOf] of kinds) {
    it(`looks up ${count} routes of ${name} at a cost that does not grow with their number`, function () {
      this.timeout(120_000);
      const routes = Array.from({ length: count }, (_, i) => ({ name: `${i}`, match: matchOf(i), plan: i }));
      const begun = cpuMs();
      const router = compileRoutes(routes);
      const compiledMs = cpuMs() - begun;
      const heads = Array.from({ length: 200 }, (_, i) => headOf(i * 50));
      const before = cpuMs();
      for (const one of heads) router.route(one);
      const eachMs = (cpuMs() - before) / heads.length;
      // Asking each of them in turn took 3 to 60 ms, and compiling them 10 s. It takes 10 to 100 µs and 0.1 to 0.6 s.
      expect(eachMs, 'a look-up').to.be.lessThan(2);
      expect(compiledMs, 'compiling').to.be.lessThan(4000);
    });
  }
});
