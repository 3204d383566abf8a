import type { Json, JsonObject } from '../../reflection/json.ts';
import { compileSafeRegex } from '../../routing/safe-regex.ts';
import { headerMatcherFields, queryMatcherFields, routeMatchFields } from './fields/route-fields.ts';
import { readRuntimePercent } from './fraction.ts';
import type { MessageReader } from './message-reader.ts';
import { quoted } from './notes.ts';
import { literal, readRegex, readStringMatcher, type TextCondition, textCondition } from './string-match.ts';

export interface MatchModel {
  /** The keys of `match` of a route; null for a route that never matches. */
  readonly match: JsonObject | null;
  /** The path or the prefix of the match, for a rewrite of it. */
  readonly prefix: string;
  /** Whether the path matches in either case. */
  readonly ignoresCase: boolean;
  readonly takesAll: boolean;
}

/** Reads what a request must be like for a route. */
export function readMatch(route: MessageReader): MatchModel {
  const reader = route.message('match', routeMatchFields);
  if (reader === undefined) {
    route.problem('match', 'is missing; send a prefix, a path or a regular expression');
    return { match: null, prefix: '', ignoresCase: false, takesAll: false };
  }
  const path = readPath(reader);
  const headers = readHeaders(reader);
  const query = readQuery(reader);
  const isGrpc = reader.has('grpc');
  const percent = readRuntimePercent(reader, 'runtime_fraction') ?? 100;
  if (percent !== 0 && percent !== 100)
    reader.problem('runtime_fraction', 'is neither 0 nor 100 percent; split with weighted_clusters');
  const match: Record<string, Json> = { ...path.keys, ...headers.keys };
  if (isGrpc) match.grpc = {};
  if (headers.list.length > 0) match.headers = headers.list;
  if (query.length > 0) match.query = query;
  return {
    match: percent === 0 ? null : match,
    prefix: path.prefix,
    ignoresCase: reader.flag('case_sensitive') === false,
    takesAll: percent === 100 && Object.keys(match).length === 0,
  };
}

function readPath(reader: MessageReader): { readonly keys: JsonObject; readonly prefix: string } {
  const ignoreCase = reader.flag('case_sensitive') === false;
  const separated = reader.text('path_separated_prefix');
  if (separated !== '') {
    if (ignoreCase) reader.problem('case_sensitive', 'is false; use safe_regex');
    return { keys: { pathPrefix: separated }, prefix: separated };
  }
  const path = reader.text('path');
  if (path !== '') return { keys: ignoreCase ? { pathRegex: literal(path, true) } : { path }, prefix: path };
  if (reader.has('safe_regex')) return { keys: { pathRegex: readRegex(reader, 'safe_regex') }, prefix: '' };
  const prefix = reader.text('prefix');
  if (prefix === '' || prefix === '/') return { keys: {}, prefix };
  if (!prefix.startsWith('/')) reader.problem('prefix', `${quoted(prefix)} does not begin with "/"`);
  // A prefix of the configuration is one of whole segments.
  const isWhole = prefix.endsWith('/') && !ignoreCase;
  return {
    keys: isWhole ? { pathPrefix: prefix } : { pathRegex: `${literal(prefix, ignoreCase)}.*` },
    prefix,
  };
}

interface HeaderConditions {
  readonly list: JsonObject[];
  /** Conditions on pseudo-headers. */
  readonly keys: Record<string, Json>;
}

function readHeaders(reader: MessageReader): HeaderConditions {
  const conditions: HeaderConditions = { list: [], keys: {} };
  for (const matcher of reader.messages('headers', headerMatcherFields)) {
    const name = matcher.text('name');
    const condition = readHeaderCondition(matcher);
    const invert = matcher.flag('invert_match') === true;
    if (condition === undefined) continue;
    if (name.startsWith(':')) readPseudoHeader(matcher, name, condition, invert, conditions.keys);
    else conditions.list.push(...headerConditions(matcher, name, condition, invert));
  }
  return conditions;
}

/**
 * A condition on the value of a header. In Envoy it never holds for an absent header, not even inverted, unless
 * `treat_missing_header_as_empty` makes an absent header an empty one. In the configuration an inverted condition holds for it.
 */
function headerConditions(
  matcher: MessageReader,
  name: string,
  condition: TextCondition,
  invert: boolean,
): JsonObject[] {
  const own = { name, ...condition, ...(invert ? { invert } : {}) };
  const missingIsEmpty = matcher.flag('treat_missing_header_as_empty') === true;
  if (condition.present !== undefined) return [own];
  const holdsForEmpty = missingIsEmpty && matchesEmpty(condition);
  if (invert) return missingIsEmpty && !holdsForEmpty ? [own] : [own, { name, present: true }];
  if (!holdsForEmpty) return [own];
  if (condition.exact === '') return [{ name, regex: '.+', invert: true }];
  matcher.problem(
    'treat_missing_header_as_empty',
    'belongs to a condition that an empty header fulfils; send present_match with invert_match in a second route',
  );
  return [];
}

/** A header pattern that is wrong matches nothing here; the check of the configuration refuses it. */
function matchesEmpty({ exact, regex }: TextCondition): boolean {
  return exact === '' || (typeof regex === 'string' && compileSafeRegex(regex).value?.matches('') === true);
}

function readPseudoHeader(
  matcher: MessageReader,
  name: string,
  condition: TextCondition,
  invert: boolean,
  keys: Record<string, Json>,
): void {
  const key = { ':method': 'method', ':authority': 'authority' }[name];
  const exact = condition.exact;
  if (key === undefined || typeof exact !== 'string' || invert || keys[key] !== undefined)
    matcher.problem('', `${quoted(name)} can only be matched once, by an exact :method or :authority`);
  else keys[key] = exact;
}

function readHeaderCondition(matcher: MessageReader): TextCondition | undefined {
  if (matcher.has('string_match')) return readStringMatcher(matcher, 'string_match');
  if (matcher.has('exact_match')) return textCondition('exact', matcher.text('exact_match'), false);
  if (matcher.has('prefix_match')) return textCondition('prefix', matcher.text('prefix_match'), false);
  if (matcher.has('suffix_match')) return { regex: `.*${literal(matcher.text('suffix_match'))}` };
  if (matcher.has('contains_match')) return { regex: `.*${literal(matcher.text('contains_match'))}.*` };
  if (matcher.has('safe_regex_match')) return { regex: readRegex(matcher, 'safe_regex_match') };
  return { present: matcher.flag('present_match') ?? true };
}

function readQuery(reader: MessageReader): JsonObject[] {
  return reader.messages('query_parameters', queryMatcherFields).map((matcher) => ({
    name: matcher.text('name'),
    ...(readStringMatcher(matcher, 'string_match') ?? { present: matcher.flag('present_match') ?? true }),
  }));
}
