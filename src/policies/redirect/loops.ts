import { shown } from '../../schema/problem.ts';
import type { Draft } from '../../schema/typed.ts';
import { beginsWith, compilePathChange, type PathChangeConfig } from '../path-change.ts';
import type { CheckContext } from '../policy.ts';

type RedirectDraft = Draft<PathChangeConfig> & {
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: number;
};

interface MatchDraft {
  readonly authority?: string;
  readonly path?: string;
}

/** Reports a redirect that leads to the request itself, as far as that can be seen before there is one. */
export function checkLoops(config: RedirectDraft, { route, problem }: CheckContext): void {
  const { scheme, host, port, path, pathPrefix, pathRegex } = config;
  const match = (route.match ?? {}) as MatchDraft;
  const changesPath = path !== undefined || pathPrefix !== undefined || pathRegex !== undefined;
  const changesOrigin = scheme !== undefined || host !== undefined || port !== undefined;
  if (!changesPath && !changesOrigin)
    problem('', 'redirects every request to itself; write scheme, host, port, path, pathPrefix or pathRegex');
  else if (!changesPath) checkHost(config, match, problem);
  else if (!changesOrigin) checkPath(config, match, problem);
}

/** The prefix of targets that the redirect changes again: that of `{ from: /docs, to: /docs/v2 }` is `/docs/v2`. */
export function targetPrefixOf({ pathPrefix }: PathChangeConfig): string | null {
  return pathPrefix !== undefined && beginsWith(pathPrefix.to, pathPrefix.from) ? pathPrefix.to : null;
}

function checkHost(
  { scheme, host, port }: RedirectDraft,
  { authority }: MatchDraft,
  problem: CheckContext['problem'],
): void {
  if (host === undefined || scheme !== undefined || port !== undefined) return;
  if (host.toLowerCase() === authority?.toLowerCase())
    problem('.host', `${shown(host)} is the host of the request itself; write another host, or scheme`);
}

function checkPath(config: RedirectDraft, match: MatchDraft, problem: CheckContext['problem']): void {
  const { path, pathPrefix, pathRegex } = config;
  const { from, to } = pathPrefix ?? {};
  const plain = (prefix: string): string => prefix.replace(/\/$/, '');
  if (from !== undefined && to !== undefined && plain(from) === plain(to))
    return problem('.pathPrefix.to', `${shown(to)} is the same as from; write another path`);
  const isWhole =
    (pathPrefix === undefined || (from !== undefined && to !== undefined)) &&
    (pathRegex === undefined || (pathRegex.from !== undefined && pathRegex.to !== undefined));
  if (match.path === undefined || !isWhole) return;
  const change = compilePathChange({ path, pathPrefix, pathRegex } as PathChangeConfig);
  const changed = change?.(match.path);
  if (changed?.error !== null || changed.path !== match.path) return;
  const key = path !== undefined ? 'path' : pathPrefix !== undefined ? 'pathPrefix' : 'pathRegex';
  problem(`.${key}`, `leads from ${shown(match.path)} to the same path; write another one, or host`);
}
