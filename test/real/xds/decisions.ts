import type { Random } from '../../../src/core/random.ts';

/** Route configurations and requests at random, over few words, so that routes compete for a request. */

export interface RouteRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const authorities = ['shop.example', 'api.shop.example', 'a.api.shop.example', 'other.test', 'Shop.Example'];
const domains = [
  'shop.example',
  'api.shop.example',
  '*.shop.example',
  '*.example',
  '*.api.shop.example',
  'other.test',
];
const paths = [
  '/',
  '/api',
  '/api/',
  '/api/v1',
  '/api/v2/items',
  '/apiary',
  '/API/v1',
  '/a.b',
  '/api?user=ann',
  '/api/v1?user=ann&debug',
  '/api/v1?debug=1',
  '/shop.Orders/Get',
];
const prefixes = ['/', '/api', '/api/', '/api/v1', '/a', '/shop.Orders/'];
const regexes = ['/api/v[0-9]+', '/a.*', '/(api|shop).*', '/api(/v1)?'];
const values = ['ann', 'anna', 'joanna', 'bob', 'x'];
const headerNames = ['x-user', 'x-canary'];
const methods = ['GET', 'POST', 'PUT'];
export const clusterNames = ['one', 'two', 'three', 'four'];

/** A condition on a text, of `StringMatcher`. */
function stringMatch(random: Random): object {
  const value = one(random, values);
  const ignore_case = chance(random, 0.2);
  return one(random, [
    { exact: value, ignore_case },
    { prefix: value.slice(0, 2), ignore_case },
    { suffix: value.slice(-1), ignore_case },
    { contains: 'nn', ignore_case },
    { safe_regex: { regex: one(random, ['ann.*', '[a-c]+.*', '.*nna']) } },
  ]);
}

function headerMatch(random: Random): object {
  const name = one(random, headerNames);
  if (chance(random, 0.3))
    return { name, present_match: chance(random, 0.7), invert_match: chance(random, 0.3) };
  const treat_missing_header_as_empty = chance(random, 0.3);
  return {
    name,
    string_match: stringMatch(random),
    invert_match: chance(random, 0.4),
    ...(treat_missing_header_as_empty ? { treat_missing_header_as_empty } : {}),
  };
}

function pathMatch(random: Random): object {
  const kind = random.next();
  if (kind < 0.4) return { prefix: one(random, prefixes), case_sensitive: !chance(random, 0.2) };
  if (kind < 0.6) return { path: one(random, paths).split('?')[0], case_sensitive: !chance(random, 0.2) };
  if (kind < 0.8) return { safe_regex: { regex: one(random, regexes) } };
  return { path_separated_prefix: one(random, ['/api', '/api/v1', '/shop.Orders']) };
}

function match(random: Random): object {
  const headers: object[] = [];
  while (chance(random, 0.3)) headers.push(headerMatch(random));
  if (chance(random, 0.2)) headers.push({ name: ':method', string_match: { exact: one(random, methods) } });
  const query_parameters: object[] = [];
  if (chance(random, 0.15))
    query_parameters.push(
      one(random, [
        { name: 'user', string_match: { exact: 'ann' } },
        { name: 'debug', present_match: true },
        { name: 'user', string_match: { prefix: 'an' } },
      ]),
    );
  return { ...pathMatch(random), headers, query_parameters };
}

function redirect(random: Random, hasPrefix: boolean): object {
  return {
    ...one(random, [
      { host_redirect: 'moved.example' },
      { path_redirect: '/moved' },
      { https_redirect: true },
      { host_redirect: 'moved.example', port_redirect: 8443, https_redirect: true },
      hasPrefix ? { prefix_rewrite: '/new' } : { path_redirect: '/moved' },
    ]),
    response_code: one(random, ['MOVED_PERMANENTLY', 'FOUND', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT']),
    strip_query: chance(random, 0.3),
  };
}

function action(random: Random, hasPrefix: boolean): object {
  const kind = random.next();
  if (kind < 0.1) return { redirect: redirect(random, hasPrefix) };
  if (kind < 0.2)
    return {
      direct_response: { status: one(random, [200, 403, 503]), body: { inline_string: one(random, values) } },
    };
  const target = chance(random, 0.8)
    ? { cluster: one(random, clusterNames) }
    : { weighted_clusters: { clusters: weights(one(random, clusterNames), one(random, clusterNames)) } };
  const rewrite = one(random, [
    {},
    {},
    hasPrefix ? { prefix_rewrite: one(random, ['/', '/new', '/new/']) } : {},
    { regex_rewrite: { pattern: { regex: '^/api/(.*)$' }, substitution: '/v/\\1' } },
    { host_rewrite_literal: 'inside.example' },
  ]);
  return { route: { ...target, ...rewrite } };
}

/** One of two gets everything, so that chance has no part in it. */
function weights(chosen: string, other: string): object[] {
  const all = { name: chosen, weight: 100 };
  return chosen === other ? [all] : [all, { name: other, weight: 0 }];
}

function route(random: Random): object {
  const matches = match(random);
  const hasPrefix = !('safe_regex' in matches);
  const option = (key: string) => ({
    header: { key, value: one(random, values) },
    append_action: one(random, ['APPEND_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS_OR_ADD']),
  });
  return {
    match: matches,
    ...action(random, hasPrefix),
    ...(chance(random, 0.2) ? { request_headers_to_add: [option('x-added')] } : {}),
    ...(chance(random, 0.1) ? { request_headers_to_remove: ['x-user'] } : {}),
    ...(chance(random, 0.2) ? { response_headers_to_add: [option('x-reply')] } : {}),
  };
}

/** Virtual hosts whose domains overlap, and none for some authorities. */
export function randomHosts(random: Random): object[] {
  const free = [...domains, ...(chance(random, 0.6) ? ['*'] : [])];
  const hosts: object[] = [];
  while (free.length > 0 && hosts.length < 4) {
    const own = take(random, free, 1 + Math.floor(random.next() * 2));
    const routes = Array.from({ length: 1 + Math.floor(random.next() * 6) }, () => route(random));
    hosts.push({ name: `host-${hosts.length}`, domains: own, routes });
  }
  return hosts;
}

export function randomRequest(random: Random): RouteRequest {
  const headers: Record<string, string> = {};
  for (const name of headerNames)
    if (chance(random, 0.5)) headers[name] = one(random, [...values, 'Ann', '']);
  const port = chance(random, 0.2) ? ':8080' : '';
  return {
    method: one(random, methods),
    authority: `${one(random, authorities)}${port}`,
    path: one(random, paths),
    headers,
  };
}

function take<T>(random: Random, from: T[], count: number): T[] {
  return Array.from({ length: Math.min(count, from.length) }, () => {
    const [taken] = from.splice(Math.floor(random.next() * from.length), 1);
    return taken;
  });
}

function one<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random.next() * list.length)];
}

function chance(random: Random, part: number): boolean {
  return random.next() < part;
}
