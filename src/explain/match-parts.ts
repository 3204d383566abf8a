import type { HeaderBlock } from '../core/header-block.ts';
import { isSecretKey, masked } from '../core/secret-keys.ts';
import type { RouteMatch, ValueMatch } from '../routing/route-match.ts';
import { compileRoutes } from '../routing/router.ts';
import type { TargetRulesOptions } from '../routing/target-rules.ts';

/** A request as routes see it. */
export interface RoutedRequest {
  /** With the path in the form that routes are matched with (`Router.targetOf`). */
  readonly head: HeaderBlock;
  /** Address of the client; '' where it is not known. */
  readonly source: string;
}

/** One condition of a match. */
export interface MatchPart {
  /** It is about a header, a cookie or a query parameter. */
  readonly isValue: boolean;
  /** Asks the compiled matcher itself, so that an explanation cannot differ from what routes do. */
  matches(request: RoutedRequest): boolean;
  /** The condition as a fact of the request: `the path begins with "/api"`, or that it does not. */
  words(matched: boolean, request: RoutedRequest): string;
}

type Words = MatchPart['words'];

/** Characters quoted of a request or of a configured value. */
const quotedCharsMax = 100;

/** The conditions of a match; none for one that takes every request. */
export function partsOf(match: RouteMatch, options: TargetRulesOptions): MatchPart[] {
  const part = (one: RouteMatch, words: Words, isValue = false): MatchPart => ({
    isValue,
    matches: ({ head, source }) =>
      compileRoutes([{ name: '', match: one, plan: true }], options).route(head, source) !== null,
    words,
  });
  const { authority, path, pathPrefix, pathRegex, grpc, method, source } = match;
  const parts: MatchPart[] = [];
  if (authority !== undefined && authority !== '*')
    parts.push(part({ authority }, authorityWords(authority)));
  if (path !== undefined) parts.push(part({ path }, pathWords('is', 'is not', [path])));
  if (pathPrefix !== undefined)
    parts.push(part({ pathPrefix }, pathWords('begins with', 'does not begin with', [pathPrefix].flat())));
  if (pathRegex !== undefined)
    parts.push(part({ pathRegex }, pathWords('matches', 'does not match', [pathRegex])));
  if (grpc !== undefined) parts.push(part({ grpc }, grpcWords(grpc)));
  if (method !== undefined) parts.push(part({ method }, methodWords([method].flat())));
  if (source !== undefined) parts.push(part({ source }, sourceWords([source].flat())));
  for (const one of match.headers ?? [])
    parts.push(part({ headers: [one] }, valueWords('header', one), true));
  for (const one of match.cookies ?? [])
    parts.push(part({ cookies: [one] }, valueWords('cookie', one), true));
  for (const one of match.query ?? [])
    parts.push(part({ query: [one] }, valueWords('query parameter', one), true));
  return parts;
}

function authorityWords(pattern: string): Words {
  return (matched, { head }) =>
    `the authority ${quoted(head.authority)} ${matched ? 'matches' : 'does not match'} ${quoted(pattern)}`;
}

function pathWords(is: string, isNot: string, paths: readonly string[]): Words {
  return (matched) => `the path ${matched ? is : isNot} ${anyOf(paths.map(quoted))}`;
}

function grpcWords({ service, method }: NonNullable<RouteMatch['grpc']>): Words {
  const what =
    service !== undefined && method !== undefined
      ? `the gRPC method ${service}/${method}`
      : service !== undefined
        ? `the gRPC service ${service}`
        : `a gRPC method ${method}`;
  return (matched, { head }) => {
    if (service === undefined && method === undefined)
      return matched ? 'it is a gRPC call' : `it is not a gRPC call: ${notGrpc}`;
    if (matched) return `it is a call of ${what}`;
    return `it is not a call of ${what}${head.isGrpc ? '' : `: ${notGrpc}`}`;
  };
}

const notGrpc = 'its content-type is not application/grpc';

function methodWords(methods: readonly string[]): Words {
  return (matched, { head }) =>
    matched ? `the method is ${head.method}` : `the method ${head.method} is not ${anyOf(methods)}`;
}

function sourceWords(ranges: readonly string[]): Words {
  return (matched, { source }) =>
    source === ''
      ? `the client address is not known, and must be in ${anyOf(ranges)}`
      : `the client address ${source} is ${matched ? 'in' : 'not in'} ${anyOf(ranges)}`;
}

/** Never quotes a value of the request, which may be a credential, nor a configured one under a secret name. */
function valueWords(noun: string, value: ValueMatch): Words {
  const shown = (text: string): string => (isSecretKey(value.name) ? masked : quoted(text));
  const tests: string[] = [];
  if (value.exact !== undefined) tests.push(`is ${shown(value.exact)}`);
  if (value.prefix !== undefined) tests.push(`begins with ${shown(value.prefix)}`);
  if (value.regex !== undefined) tests.push(`matches ${shown(value.regex)}`);
  const isRequired = (value.present !== false) !== (value.invert === true);
  return (matched) => {
    const isThere = matched === isRequired;
    if (tests.length === 0) return `the ${noun} ${value.name} is ${isThere ? 'present' : 'absent'}`;
    return `${isThere ? 'the' : 'no'} ${noun} ${value.name} ${tests.join(' and ')}`;
  };
}

function anyOf(texts: readonly string[]): string {
  if (texts.length < 2) return texts.join();
  return `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function quoted(text: string): string {
  return `"${text.length <= quotedCharsMax ? text : `${text.slice(0, quotedCharsMax - 1)}…`}"`;
}
