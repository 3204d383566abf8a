import { constantField, type Field } from '../../core/field.ts';

/** RFC 7541 appendix A, in the order of its indices, which count from 1. */
const table: ReadonlyArray<readonly [name: string, value?: string]> = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
];

/** Entries of the static table; the dynamic table's indices go on from here. */
export const staticTableLength: number = table.length;

/** The field at an index from 1 to `staticTableLength`; a name alone has the value ''. */
export const staticFields: readonly Field[] = table.map(([name, value]) => constantField(name, value ?? ''));

/** What the static table has under one name. */
export interface StaticName {
  /** The first index with this name. */
  readonly index: number;
  /** Index by value, or null where the table has only the name. */
  readonly values: Map<string, number> | null;
}

function indexByName(): Map<string, StaticName> {
  const names = new Map<string, StaticName>();
  for (const [at, [name, value]] of table.entries()) {
    const entry = names.get(name) ?? { index: at + 1, values: value === undefined ? null : new Map() };
    if (value !== undefined) entry.values?.set(value, at + 1);
    names.set(name, entry);
  }
  return names;
}

/** By name. */
export const staticNames: ReadonlyMap<string, StaticName> = indexByName();
