import { expect } from 'chai';
import fc from 'fast-check';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { RouteMatch, ValueMatch } from '../../../src/routing/route-match.ts';
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
  const { path: exact, pathRegex, grpc } = match;
  const prefixes = [match.pathPrefix ?? []].flat();
  const methods = [match.method ?? []].flat();
  if (exact !== undefined && exact !== path) return false;
  const begins = (prefix: string) => path === prefix || path.startsWith(prefix.replace(/\/?$/, '/'));
  if (prefixes.length > 0 && !prefixes.some(begins)) return false;
  if (pathRegex !== undefined && !new RegExp(`^(?:${pathRegex})$`).test(path)) return false;
  if (methods.length > 0 && !methods.includes(head.method)) return false;
  if (grpc !== undefined) {
    const [, service, name] = /^\/([^/]*)\/(.*)$/.exec(path) ?? [];
    if (!head.isGrpc || (grpc.service !== undefined && grpc.service !== service)) return false;
    if (grpc.method !== undefined && grpc.method !== name) return false;
  }
  const query = new URLSearchParams(head.path.split('?')[1] ?? '');
  const cookies = new URLSearchParams(head.all('cookie').join('; ').replaceAll('; ', '&'));
  return (
    (match.headers ?? []).every((value) => valueHolds(value, head.all(value.name))) &&
    (match.query ?? []).every((value) => valueHolds(value, query.getAll(value.name))) &&
    (match.cookies ?? []).every((value) => valueHolds(value, cookies.getAll(value.name)))
  );
}

function valueHolds(match: ValueMatch, values: readonly string[]): boolean {
  const found = values.some(
    (value) =>
      (match.exact === undefined || match.exact === value) &&
      (match.prefix === undefined || value.startsWith(match.prefix)) &&
      (match.regex === undefined || new RegExp(`^(?:${match.regex})$`).test(value)),
  );
  return (match.present === false) === (match.invert === true) ? found : !found;
}

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const anyPath = some('/', '/a', '/a/', '/a/b', '/a/b/a', '/b', '/ab', '/ab/a', '/b/ab');
const anyValue = (names: string) =>
  fc.record({
    name: some(`${names}-a`, `${names}-b`),
    exact: some('a', 'ab', undefined, undefined),
    prefix: some('a', '', undefined, undefined),
    regex: fc.oneof(fc.constant(undefined), fc.constant(undefined), anyPattern),
    present: some(true, false, undefined, undefined),
    invert: some(true, false, undefined),
  });
const anyMatch: fc.Arbitrary<RouteMatch> = fc
  .record({
    authority: some('a.x', 'b.x', '*.x', '*.a.x', '*', 'a.x:1', '*:1', '*.x:2', undefined, undefined),
    path: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, anyPath),
    pathPrefix: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 2, arbitrary: anyPath },
      fc.uniqueArray(anyPath, { minLength: 1, maxLength: 3 }),
    ),
    pathRegex: fc.oneof(fc.constant(undefined), anyPattern),
    method: some<string | string[] | undefined>(
      'GET',
      'POST',
      ['GET', 'PUT'],
      undefined,
      undefined,
      undefined,
    ),
    cookies: fc.array(anyValue('c'), { maxLength: 1 }),
    query: fc.array(anyValue('q'), { maxLength: 1 }),
    grpc: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      fc.record({ service: some('a', 'b', undefined), method: some('a', 'b', undefined) }),
    ),
    headers: fc.array(anyValue('x'), { maxLength: 2 }),
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
    query: some('', '?q=/a', '?q-a=a', '?q-a=b&q-b=ab&q-a=a', '?q-b'),
    type: some('application/grpc', 'text/plain'),
    fields: fc.array(
      fc.oneof(
        fc.tuple(some('x-a', 'x-b', 'x-c'), some('a', 'ab', 'b', '')),
        fc.tuple(fc.constant('cookie'), some('c-a=a', 'c-a=b; c-b=ab', 'c-b=; c-a=ab')),
      ),
      { maxLength: 3 },
    ),
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

type Kind = readonly [string, (i: number) => RouteMatch, (i: number) => HeaderBlock];

const head = (path: string, ...more: Array<[string, string]>) =>
  HeaderBlock.of([':method', 'GET'], [':scheme', 'http'], [':authority', 'a.test'], [':path', path], ...more);

const kindsOfValues: readonly Kind[] = [
  [
    'cookies',
    (i) => ({ cookies: [{ name: 't', exact: `${i}` }] }),
    (i) => head('/', ['cookie', `a=b; t=${i}`]),
  ],
  ['parameters', (i) => ({ query: [{ name: 't', exact: `${i}` }] }), (i) => head(`/?a=b&t=${i}`)],
  ['two path prefixes each', (i) => ({ pathPrefix: [`/t-${i}`, `/u-${i}`] }), (i) => head(`/u-${i}/x`)],
  [
    'two methods and two path prefixes each',
    (i) => ({ method: ['GET', 'HEAD'], pathPrefix: [`/t-${i}`, `/u-${i}`] }),
    (i) => head(`/u-${i}/x`),
  ],
];

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
  const classes = ['[a-m]', '[n-z]', '[0-4]', '[5-9]', '[a-z]', '[0-9]', '[a-f0-9]'];
  /** A pattern of five sets of characters, without a literal; another one for each number. */
  const ofClasses = (i: number) =>
    [0, 1, 2, 3, 4].map((k) => classes[Math.floor(i / 7 ** k) % 7] + (k % 3 === 0 ? '+' : '')).join('');
  const ofHost = (authority: string) => HeaderBlock.of([':path', '/'], [':authority', authority]);
  const kinds: readonly Kind[] = [
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
    ...kindsOfValues,
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
