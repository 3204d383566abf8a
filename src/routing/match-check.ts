import type { Diagnostics } from '../schema/diagnostics.ts';
import { listed, shown } from '../schema/problem.ts';
import type { Value } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';
import type { match } from './match-schema.ts';
import { checkSafeRegex } from './safe-regex.ts';

/** What a file holds of a match; any part may be missing because it was wrong. */
export type MatchDraft = NonNullable<Draft<Value<typeof match>>>;

/** Reports conditions that exclude each other, and regular expressions that cannot be used. `path` is that of the match. */
export function checkMatch(match: MatchDraft, path: string, diagnostics: Diagnostics): void {
  pathConditions(match, path, diagnostics);
  regexIsSafe(match.pathRegex, `${path}.pathRegex`, diagnostics);
  for (const key of ['headers', 'cookies', 'query'] as const)
    match[key]?.forEach((value, i) => {
      valueConditions(value, `${path}.${key}[${i}]`, diagnostics);
    });
}

/** Whether every request matches, so that no later route gets one. */
export function takesAll(match: MatchDraft | undefined): boolean {
  if (match === undefined) return false;
  const { authority, headers = [], cookies = [], query = [], ...others } = match;
  const open = authority === undefined || authority === '*';
  return (
    open &&
    headers.length + cookies.length + query.length === 0 &&
    Object.values(others).every((value) => value === undefined)
  );
}

function pathConditions(match: MatchDraft, path: string, diagnostics: Diagnostics): void {
  const namesGrpc = match.grpc?.service !== undefined || match.grpc?.method !== undefined;
  const written = [
    match.path !== undefined && 'path',
    match.pathPrefix !== undefined && 'pathPrefix',
    match.pathRegex !== undefined && 'pathRegex',
    namesGrpc && 'grpc',
  ].filter((key) => key !== false);
  if (written.length > 1)
    diagnostics.problem(
      `${path}.${written[1]}`,
      `${listed(written, 'and')} each match the path; write one of them`,
    );
}

interface ValueDraft {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
  readonly present?: boolean;
}

function valueConditions(
  { exact, prefix, regex, present }: ValueDraft,
  path: string,
  diagnostics: Diagnostics,
): void {
  regexIsSafe(regex, `${path}.regex`, diagnostics);
  const written = Object.entries({ exact, prefix, regex, present }).filter(
    ([, value]) => value !== undefined,
  );
  if (written.length < 2) return;
  const keys = written.map(([key]) => key);
  diagnostics.problem(`${path}.${keys[1]}`, `${listed(keys, 'and')} each match the value; write one of them`);
}

function regexIsSafe(pattern: string | undefined, path: string, diagnostics: Diagnostics): void {
  const wrong = pattern === undefined ? undefined : checkSafeRegex(pattern);
  if (wrong !== undefined) diagnostics.problem(path, `${shown(pattern)} cannot be used: ${wrong}`);
}
