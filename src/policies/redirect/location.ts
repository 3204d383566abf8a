import type { HeaderBlock } from '../../core/header-block.ts';
import { splitAuthority } from '../../routing/authority.ts';
import { beginsWith, type PathChange, splitTarget } from '../path-change.ts';

/** Where a route redirects to. What is null stays as it is in the request. */
export interface RedirectSettings {
  readonly scheme: 'http' | 'https' | null;
  /** A name, or an IPv6 address in brackets. */
  readonly host: string | null;
  readonly port: number | null;
  readonly change: PathChange | null;
  /** A prefix below which the route finds its own targets: they would get longer for ever. Null for none. */
  readonly targetPrefix: string | null;
  readonly keepQuery: boolean;
}

/** The value of `location`, and whether it leads back to the request itself; or why there is none. */
export type Location =
  | { readonly location: string; readonly isLoop: boolean; readonly error: null }
  | { readonly error: Extract<ReturnType<PathChange>, { error: object }>['error'] };

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };

/**
 * Returns the target of a redirect. Where only the path changes it is a path, which holds whatever scheme and host the client
 * used; else it is a whole URL, without the port where that is the scheme's own. `asked` is the request target in the form in
 * which routes matched it.
 */
export function locationOf(head: HeaderBlock, asked: string, settings: RedirectSettings): Location {
  const [path, query] = splitTarget(asked);
  const changed = settings.change === null ? { path, error: null } : settings.change(path);
  if (changed.error !== null) return changed;
  const target = settings.keepQuery ? changed.path + query : changed.path;
  const isOwnTarget =
    target === asked ||
    // The normal form of the target is another path: the client comes back with what it was given.
    target === head.path ||
    (settings.targetPrefix !== null && beginsWith(path, settings.targetPrefix));
  // `*` of OPTIONS asks for the server itself, whose URL has no path (RFC 9110 section 7.1).
  const urlTarget = target === '*' ? '' : target;
  const { scheme, host, port } = settings;
  if (scheme === null && host === null && port === null) {
    // "//host" would be another host (RFC 3986 section 4.2); "/." is removed by whoever resolves it.
    const location = target.startsWith('//') ? `/.${target}` : target;
    return { location, isLoop: isOwnTarget, error: null };
  }
  const { authority } = head;
  if (host === null && authority === '') return withoutHost;
  const location = originOf(head, settings);
  const shownPort = location.port === defaultPorts[location.scheme] ? '' : `:${location.port}`;
  return {
    location: `${location.scheme}://${location.host}${shownPort}${urlTarget}`,
    isLoop: isOwnTarget && leadsBack(head, location),
    error: null,
  };
}

const withoutHost: Location = {
  error: {
    code: 'protocol_error',
    detail: 'the client sent no host, which the redirect of the route needs',
    mayHaveProcessed: false,
  },
};

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** A written scheme or host brings the scheme's own port, unless another one is written: 8080 means nothing to https. */
function originOf(head: HeaderBlock, settings: RedirectSettings): Origin {
  const own = splitAuthority(head.authority);
  const scheme = settings.scheme ?? head.scheme.toLowerCase();
  const kept = settings.scheme === null && settings.host === null ? own.port : '';
  const port = settings.port === null ? kept : String(settings.port);
  return { scheme, host: settings.host ?? own.host, port: port === '' ? defaultPorts[scheme] : port };
}

/**
 * Whether the client is at this origin already. Where a proxy in front ended TLS, `x-forwarded-proto` has the scheme that the
 * client used: a redirect to https would come back for ever.
 */
function leadsBack(head: HeaderBlock, { scheme, host, port }: Origin): boolean {
  const own = splitAuthority(head.authority);
  if (own.host !== splitAuthority(host).host) return false;
  const forwarded = head.get('x-forwarded-proto')?.split(',')[0].trim().toLowerCase();
  return [head.scheme.toLowerCase(), forwarded].some(
    (used) => used === scheme && (own.port === '' ? defaultPorts[used] : own.port) === port,
  );
}
