import type { ReplyError } from '../core/reply-error.ts';
import { normalizeEncodings } from '../routing/normal-path.ts';
import { captureGroupsMax, compileCaptureRegex } from '../routing/regex-captures.ts';
import { shown } from '../schema/problem.ts';
import { text } from '../schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';
import type { CheckContext } from './policy.ts';

/** What `redirect` and `rewrite` share: another path in place of that of the request. */

/** Characters of a path that was changed. */
export const changedPathCharsMax = 65_536;
/** Characters of a path that a regular expression may be asked to change. */
export const regexPathCharsMax = 8192;

const pathChar = String.raw`[A-Za-z0-9\-._~!&'()*+,;=:@/]|%[0-9A-Fa-f]{2}`;

/** Clients and endpoints remove dot segments (RFC 3986 section 5.2.4), and then have another path than the route. */
const dotSegment = String.raw`/(?:\.|%2[eE]){1,2}(?:/|$)`;

/** A path as it is sent (RFC 3986 section 3.3). */
const sentPath = text({
  label: 'path',
  charsMax: 4096,
  pattern: new RegExp(`^(?!.*${dotSegment})/(?:${pathChar}|\\$)*$`),
  write: 'a path that begins with "/" and has no dot segment and no query, percent-encoded beyond ASCII',
});
const template = text({
  label: 'path with captures',
  charsMax: 4096,
  pattern: new RegExp(`^(?!.*${dotSegment})/(?:${pathChar}|\\$[$0-9])*$`),
  write:
    'a path that begins with "/" and has no dot segment, with $1 to $9 for the groups of the pattern and $$ for "$"',
});

/** At most one of these is written. */
export const pathKeys = {
  path: key(sentPath, { doc: 'New path. Replaces the whole path.' }),
  pathPrefix: optionalSection(
    {
      doc: 'Replaces a prefix of the path, in whole segments. A path with another prefix stays unchanged.',
      example: '{ from: /api, to: /v2 }',
    },
    {
      from: key(sentPath, { required: true, doc: 'Prefix to replace.' }),
      to: key(sentPath, { required: true, doc: 'New prefix. `/` removes the prefix `from`.' }),
    },
  ),
  pathRegex: optionalSection(
    {
      doc: 'Replaces the path by means of a regular expression. A path that does not match stays unchanged.',
      example: '{ from: "/users/([^/]+)", to: /accounts/$1 }',
    },
    {
      from: key(text({ label: 'regular expression' }), {
        required: true,
        doc: 'Regular expression that must match the whole path, as in `match.pathRegex`.',
      }),
      to: key(template, {
        required: true,
        doc: 'New path. `$1` to `$9` are the groups of `from`, `$0` is the whole path, and `$$` is a dollar sign.',
      }),
    },
  ),
} as const;

export interface PathChangeConfig {
  readonly path: Value<typeof pathKeys.path>;
  readonly pathPrefix: Value<typeof pathKeys.pathPrefix>;
  readonly pathRegex: Value<typeof pathKeys.pathRegex>;
}

/** The path to use instead, without the query; or why there is none. */
export type ChangedPath = { readonly path: string; readonly error: null } | { readonly error: ReplyError };

/** Takes the path of a request without its query. */
export type PathChange = (path: string) => ChangedPath;

/** Reports patterns that cannot be used, captures that do not exist, and keys that exclude each other. */
export function checkPathChange(
  { path, pathPrefix, pathRegex }: Draft<PathChangeConfig>,
  { route, problem, warning }: Pick<CheckContext, 'route' | 'problem' | 'warning'>,
): void {
  const written = Object.entries({ path, pathPrefix, pathRegex }).filter(([, value]) => value !== undefined);
  if (written.length > 1)
    problem(`.${written[1][0]}`, `is beside ${written[0][0]}, and each changes the path; write one of them`);
  const prefixes = [(route.match as MatchDraft | undefined)?.pathPrefix ?? []].flat();
  if (pathPrefix?.from !== undefined && prefixes.length > 0 && !prefixes.some(overlaps(pathPrefix.from)))
    warning(
      '.pathPrefix.from',
      `${shown(pathPrefix.from)} is no beginning of a path of this route, whose match.pathPrefix is ${shown(prefixes.join(', '))}`,
    );
  if (pathRegex?.from === undefined) return;
  const { value, error } = compileCaptureRegex(pathRegex.from);
  if (value === undefined)
    return problem('.pathRegex.from', `${shown(pathRegex.from)} cannot be used: ${error}`);
  for (const [, digit] of (pathRegex.to ?? '').replaceAll('$$', '').matchAll(/\$(\d)/g))
    if (Number(digit) > Math.min(value.groups, captureGroupsMax))
      problem(
        '.pathRegex.to',
        `${shown(pathRegex.to)} uses $${digit}, and ${groupsIn(value.groups)}; write "$$" for a dollar sign, or put what $${digit} is for in parentheses`,
      );
}

interface MatchDraft {
  readonly pathPrefix?: string | readonly string[];
}

function overlaps(from: string): (prefix: string) => boolean {
  return (prefix) => prefix.startsWith(from) || from.startsWith(prefix);
}

function groupsIn(groups: number): string {
  if (groups === 0) return 'from has no group';
  return groups === 1 ? 'from has one group, $1' : `from has ${groups} groups, $1 to $${groups}`;
}

/** Compiles what was checked; null where the path stays as it is. */
export function compilePathChange({ path, pathPrefix, pathRegex }: PathChangeConfig): PathChange | null {
  if (path !== undefined) return () => ({ path, error: null });
  if (pathPrefix !== undefined) return prefixChange(pathPrefix.from, pathPrefix.to);
  return pathRegex === undefined ? null : regexChange(pathRegex.from, pathRegex.to);
}

function prefixChange(from: string, to: string): PathChange {
  // Listeners compare paths in their normal form, unless they are told to keep them as they came.
  const written = [...new Set([from, normalizeEncodings(from)])];
  const instead = withoutLastSlash(to);
  return (path) => {
    const prefix = written.find((one) => beginsWith(path, one));
    if (prefix === undefined) return { path, error: null };
    return sound(`${instead}${path.slice(withoutLastSlash(prefix).length)}` || '/', path);
  };
}

/** Whole segments, as in matches: `/api` is no beginning of `/apiary`. */
export function beginsWith(path: string, prefix: string): boolean {
  const { length } = withoutLastSlash(prefix);
  return path.startsWith(prefix) && (path.length === length || path.charCodeAt(length) === 0x2f);
}

function withoutLastSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function regexChange(from: string, to: string): PathChange {
  const regex = compileCaptureRegex(from).value!;
  const pieces = to.split(/(\$[$0-9])/);
  return (path) => {
    if (path.length > regexPathCharsMax)
      return { error: tooLong(`the path has ${path.length} characters`, regexPathCharsMax) };
    const parts = regex.match(path);
    if (parts === null) return { path, error: null };
    let changed = '';
    for (const piece of pieces) {
      if (piece === '$$') changed += '$';
      else changed += /^\$\d$/.test(piece) ? parts[Number(piece[1])] : piece;
      if (changed.length > changedPathCharsMax) break;
    }
    return sound(changed, path);
  };
}

const dotSegmentPattern = new RegExp(dotSegment);

/**
 * A path that can be sent. Parts of a path can be put together so that they leave the directory that they stood in, or halve a
 * percent-encoding.
 */
function sound(path: string, before: string): ChangedPath {
  if (path.length > changedPathCharsMax && path.length > before.length)
    return { error: tooLong('the changed path is too long', changedPathCharsMax) };
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return unsound('half a percent-encoding');
  if (dotSegmentPattern.test(path)) return unsound('a dot segment');
  return { path, error: null };
}

function unsound(what: string): ChangedPath {
  const detail = `the route changes the path to one with ${what}`;
  return { error: { code: 'protocol_error', detail, mayHaveProcessed: false } };
}

function tooLong(what: string, charsMax: number): ReplyError {
  const detail = `${what}; the route changes paths of up to ${charsMax} characters`;
  return { code: 'header_too_large', detail, mayHaveProcessed: false, httpStatus: 414 };
}

/** The path and the query of a request target, the query with its question mark. */
export function splitTarget(target: string): readonly [path: string, query: string] {
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at)];
}
