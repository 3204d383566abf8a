import { expect } from 'chai';
import type { JsonObject } from '../../../../src/reflection/json.ts';
import { checkSafeRegex, compileSafeRegex } from '../../../../src/routing/safe-regex.ts';
import { translateRoute } from '../../../../src/xds/translate/route.ts';
import { literal } from '../../../../src/xds/translate/string-match.ts';
import { resourceOf } from './support.ts';

/** The first route of a route configuration with this match and these other keys. */
function routeOf(match: JsonObject, route: JsonObject = {}) {
  const routes = [{ match, route: { cluster: 'c', ...route } }];
  const virtualHosts = [{ name: 'h', domains: ['*'], routes }];
  const { value, problems } = translateRoute(resourceOf('route', { name: 'r', virtualHosts }));
  return { route: value?.hosts[0].routes[0], problems: problems?.map(({ message }) => message) };
}

describe('xds/translate/route-match', () => {
  it('keeps a prefix of Envoy what it is: any text, unless it ends with a slash', () => {
    expect(routeOf({ prefix: '/api' }).route?.match).to.deep.equal({ pathRegex: '/api.*' });
    expect(routeOf({ prefix: '/api/' }).route?.match).to.deep.equal({ pathPrefix: '/api/' });
    expect(routeOf({ prefix: '/a.b' }).route?.match).to.deep.equal({ pathRegex: '/a\\.b.*' });
    expect(routeOf({ prefix: '/' }).route?.match).to.deep.equal({});
    expect(routeOf({ path: '/a', caseSensitive: false }).route?.match).to.deep.equal({ pathRegex: '/[aA]' });
  });

  it('does not let an inverted condition hold for an absent header, as in Envoy', () => {
    const headers = [{ name: 'x-a', stringMatch: { exact: '1' }, invertMatch: true }];
    expect(routeOf({ prefix: '/', headers }).route?.match).to.deep.equal({
      headers: [
        { name: 'x-a', exact: '1', invert: true },
        { name: 'x-a', present: true },
      ],
    });
    const absent = [{ name: 'x-a', presentMatch: true, invertMatch: true }];
    expect(routeOf({ prefix: '/', headers: absent }).route?.match).to.deep.equal({
      headers: [{ name: 'x-a', present: true, invert: true }],
    });
  });

  it('takes an absent header for an empty one where the control plane says so, as Istio does for withoutHeaders', () => {
    const headersOf = (condition: JsonObject, invertMatch: boolean) => {
      const header = { name: 'x-a', ...condition, invertMatch, treatMissingHeaderAsEmpty: true };
      return routeOf({ prefix: '/', headers: [header] });
    };
    const matchOf = (condition: JsonObject, invert: boolean) =>
      headersOf(condition, invert).route?.match.headers;
    const [exact, pattern] = [
      { stringMatch: { exact: '1' } },
      { stringMatch: { safeRegex: { regex: '1*' } } },
    ];
    expect(matchOf(exact, true)).to.deep.equal([{ name: 'x-a', exact: '1', invert: true }]);
    expect(matchOf(exact, false)).to.deep.equal([{ name: 'x-a', exact: '1' }]);
    // The empty text matches: the inverted condition holds neither for an absent header.
    expect(matchOf(pattern, true)).to.deep.equal([
      { name: 'x-a', regex: '1*', invert: true },
      { name: 'x-a', present: true },
    ]);
    expect(matchOf({ exactMatch: '' }, false)).to.deep.equal([{ name: 'x-a', regex: '.+', invert: true }]);
    expect(headersOf(pattern, false).problems).to.deep.equal([
      'belongs to a condition that an empty header fulfils; send present_match with invert_match in a second route',
    ]);
  });

  it('escapes every character that a regular expression has a meaning for', () => {
    const text = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('');
    const pattern = literal(text);
    expect(checkSafeRegex(pattern)).to.equal(undefined);
    expect(compileSafeRegex(pattern).value?.matches(text)).to.equal(true);
    expect(compileSafeRegex(literal('aB-1', true)).value?.matches('Ab-1')).to.equal(true);
  });

  it('has the timeout of Envoy, and of gRPC for proxyless clients', () => {
    const timeouts = (route: JsonObject) => routeOf({ prefix: '/' }, route).route?.timeoutMs;
    expect(timeouts({})).to.deep.equal({ http: 15_000, grpc: 0 });
    expect(timeouts({ timeout: '0s' })).to.deep.equal({ http: 0, grpc: 0 });
    const maxStreamDuration = { maxStreamDuration: '2s' };
    expect(timeouts({ timeout: '0s', maxStreamDuration })).to.deep.equal({ http: 2000, grpc: 2000 });
    const header = { maxStreamDuration: { maxStreamDuration: '2s', grpcTimeoutHeaderMax: '0s' } };
    expect(timeouts(header)).to.deep.equal({ http: 0, grpc: 0 });
  });

  it('refuses a share of requests, which weighted clusters give', () => {
    const runtimeFraction = { defaultValue: { numerator: 50 } };
    expect(routeOf({ prefix: '/', runtimeFraction }).problems).to.deep.equal([
      'is neither 0 nor 100 percent; split with weighted_clusters',
    ]);
  });

  it('rewrites a prefix, and a pattern that occurs once', () => {
    const keys = (match: JsonObject, route: JsonObject) => routeOf(match, route).route?.keys;
    expect(keys({ prefix: '/api/' }, { prefixRewrite: '/' })).to.deep.equal({
      rewrite: { pathRegex: { from: '/api/(.*)', to: '/$1' } },
    });
    // What the route took in either case is rewritten in either case.
    expect(keys({ prefix: '/a/', caseSensitive: false }, { prefixRewrite: '/' })).to.deep.equal({
      rewrite: { pathRegex: { from: '/[aA]/(.*)', to: '/$1' } },
    });
    const regexRewrite = { pattern: { regex: '^/(a|b)/x' }, substitution: '/y/\\1' };
    expect(routeOf({ prefix: '/' }, { regexRewrite }).problems).to.deep.equal([
      'must end with "$" for this substitution',
    ]);
    const whole = { pattern: { regex: '^/(a|b)/x$' }, substitution: '/y/\\1' };
    expect(keys({ prefix: '/' }, { regexRewrite: whole })).to.deep.equal({
      rewrite: { pathRegex: { from: '/(a|b)/x', to: '/y/$1' } },
    });
  });
});
