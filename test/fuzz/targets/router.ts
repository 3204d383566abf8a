import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { RouteMatch, ValueMatch } from '../../../src/routing/route-match.ts';
import { compileRoutes, type Router, rememberedAuthoritiesMax } from '../../../src/routing/router.ts';
import { ByteSource } from '../byte-source.ts';
import { naiveRoute, type PlainHead } from '../reference/router.ts';
import { check, type FuzzTarget } from '../target.ts';

const recordBytes = 8;
const patterns = [
  'a',
  'A',
  '*',
  '*.a',
  '*.b.a',
  'b.a',
  'a:80',
  '*:80',
  '*.a:80',
  '[::1]',
  '[::1]:80',
  'b.a:443',
];
const authorities = [
  'a',
  'A:80',
  'b.a',
  'c.b.a:80',
  'c.B.a',
  '[::1]',
  '[::1]:80',
  '[::1',
  'a:b:80',
  ':80',
  '',
  '.a',
  'a:',
];
const paths = ['/', '/s/m', '/s/n', '/t/m', '/s', '/s/', '/s/m/x', '/sm', '//m', '/s//', '/%C3%A9', '*'];
const prefixes = ['/', '/s', '/s/', '/s/m', '/t', '//'];
const regexes = ['/s/.*', '/[st]/m', '/s(/m)?', '(a|b)*', '/\\w+/\\w+', ''];
const services = ['s', 't', ''];
const methods = ['m', 'n', ''];
const verbs = ['POST', 'GET', 'post', 'OPTIONS'];
const headerNames = ['x-a', 'X-A', 'x-b', 'content-type', ':path'];
const values = [
  '',
  '1',
  '12',
  'application/grpc',
  'application/grpc+proto',
  'application/grpc-web',
  'a',
  'ab',
];

function optional<T>(bits: number, bit: number, list: readonly T[], index: number): T | undefined {
  return (bits >> bit) % 2 === 1 ? list[index % list.length] : undefined;
}

/** A route's match from one record; `headers` came before it. */
function matchOf(record: Uint8Array, headers: readonly ValueMatch[]): RouteMatch {
  const [, bits, a, b, c, d, e, f] = record;
  const grpc = {
    service: optional(f, 0, services, e),
    method: optional(f, 1, methods, f >> 2),
  };
  return {
    authority: optional(bits, 0, patterns, a),
    path: optional(bits, 1, paths, b),
    pathPrefix: optional(bits, 2, prefixes, b >> 4),
    pathRegex: optional(bits, 3, regexes, c),
    method: optional(bits, 4, verbs, d),
    grpc: optional(bits, 5, [grpc], 0),
    headers: headers.length === 0 ? undefined : headers,
  };
}

function headerMatchOf(record: Uint8Array): ValueMatch {
  const [, bits, a, b, c, d] = record;
  return {
    name: headerNames[a % headerNames.length],
    exact: optional(bits, 0, values, b),
    prefix: optional(bits, 1, values, c),
    regex: optional(bits, 2, ['1.?', '.*', 'a|b', 'application/grpc.*'], d),
    present: optional(bits, 3, [true, false], bits >> 6),
    invert: optional(bits, 4, [true, false], bits >> 7),
  };
}

function headOf(record: Uint8Array): PlainHead {
  const [, a, b, c, d, e, f, g] = record;
  const fields: Array<[string, string]> = [];
  if ((f & 1) === 1) fields.push(['content-type', values[d % values.length]]);
  if ((f & 2) === 2) fields.push(['x-a', values[e % values.length]]);
  if ((f & 4) === 4) fields.push(['x-a', values[g % values.length]]);
  if ((f & 8) === 8) fields.push(['x-b', values[e % values.length]]);
  return {
    method: verbs[c % verbs.length],
    // Made-up hosts as well: what is remembered of them must neither show nor pile up.
    authority:
      (f & 16) === 16 ? `h${g}.${authorities[a % authorities.length]}` : authorities[a % authorities.length],
    path: `${paths[b % paths.length]}${(f & 32) === 32 ? '?q=/s/m' : ''}`,
    fields,
  };
}

/** The head as the decoder would give it: whole, or on a base. */
function blockOf(head: PlainHead, split: boolean): HeaderBlock {
  const pseudo = [
    new Field(':method', head.method),
    new Field(':authority', head.authority),
    new Field(':path', head.path),
  ];
  const regular = head.fields.map(([name, value]) => new Field(name, value));
  return split ? new HeaderBlock(regular, new HeaderBlock(pseudo)) : new HeaderBlock([...pseudo, ...regular]);
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const matches: RouteMatch[] = [];
  let headers: ValueMatch[] = [];
  const heads: PlainHead[] = [];
  while (source.left > 0) {
    const record = new Uint8Array(recordBytes);
    record.set(source.take(recordBytes));
    if (record[0] % 4 === 0) {
      matches.push(matchOf(record, headers));
      headers = [];
    } else if (record[0] % 4 === 1) headers.push(headerMatchOf(record));
    else heads.push(headOf(record));
  }
  const router = compileRoutes(matches.map((match, plan) => ({ name: `r${plan}`, match, plan })));
  for (const head of heads) judge(router, matches, head);
  const remembered = router as unknown as { byAuthority: ReadonlyMap<string, unknown> };
  check(
    remembered.byAuthority.size <= rememberedAuthoritiesMax,
    'authorities are remembered within the bound',
  );
}

function judge(router: Router<number>, matches: readonly RouteMatch[], head: PlainHead): void {
  // Header matches may name a pseudo-header, which the plain head keeps apart.
  const plain = { ...head, fields: [[':path', head.path] as const, ...head.fields] };
  const wanted = naiveRoute(matches, plain);
  for (const split of [false, true, false]) {
    const got = router.route(blockOf(head, split)) ?? -1;
    check(
      got === wanted,
      `${JSON.stringify(head)} takes route ${got}, not ${wanted}: ${JSON.stringify([matches[got], matches[wanted]])}`,
    );
  }
}

function seeds(): Uint8Array[] {
  const route = (bits: number, ...rest: number[]): number[] => record(0, bits, ...rest);
  const header = (bits: number, ...rest: number[]): number[] => record(1, bits, ...rest);
  const head = (...rest: number[]): number[] => record(2, ...rest);
  const heads = [head(0, 1, 0, 3, 0, 1, 0), head(2, 2, 1, 3, 1, 7, 2), head(6, 5, 0, 0, 0, 48, 9)];
  return [
    [...route(0), ...heads.flat()],
    [...route(2, 0, 1), ...route(4, 0, 16), ...route(8, 0, 0, 1), ...heads.flat()],
    [...route(1, 3), ...route(1, 6), ...route(33, 0, 0, 0, 0, 0, 3), ...heads.flat()],
    [...header(1, 0, 1), ...route(0), ...header(24, 0), ...route(16), ...heads.flat()],
  ].map((numbers) => Uint8Array.from(numbers));
}

function record(...numbers: number[]): number[] {
  return [...numbers, ...new Array(recordBytes).fill(0)].slice(0, recordBytes);
}

export const router: FuzzTarget = {
  about: 'a compiled table of routes takes the route that a naive matcher takes, for any head',
  inputBytesMax: recordBytes * 40,
  recordBytes,
  headBytes: 0,
  dictionary: [],
  seeds,
  run,
};
