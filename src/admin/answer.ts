import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { type AdminCredentials, denial, originOf } from './access.ts';
import type { DashboardFile } from './dashboard-files.ts';
import type { AdminDeps } from './deps.ts';
import type { LiveEvents } from './live-events.ts';
import { type Reply, staticReply, text } from './reply.ts';
import { type GuardedRequest, refusalOf } from './request-guard.ts';
import { type AdminRequest, eventsPath, matchPath, notFound, type RouteMatch } from './routes.ts';
import type { TotalsHistory } from './totals-history.ts';

export const adminUrlCharsMax = 2_048;

export interface AnswerOptions {
  readonly deps: AdminDeps;
  readonly clock: Clock;
  readonly events: LiveEvents;
  readonly history: TotalsHistory;
  readonly files: ReadonlyMap<string, DashboardFile>;
  readonly allowedHosts: readonly string[];
  /** As they are now: a token may be replaced. */
  readonly credentials: () => AdminCredentials;
  /** See `isLocalPeer` in `access.ts`. */
  readonly isLocalPeer: (socket: Socket) => boolean;
  /** Whether the server listens on a Unix socket. */
  readonly unix: boolean;
}

/** A reply, or that the event stream is to be opened. */
export type Answer = Reply | Promise<Reply> | 'events';

/**
 * Decides what a request gets: refused, unknown, wrong method, denied, a file of the page, the stream, or its handler.
 */
export function makeAnswer(options: AnswerOptions): (request: IncomingMessage) => Answer {
  const { deps, clock, events, history, files } = options;
  return (request) => {
    const method = request.method ?? '';
    const refusal = refusalOf(guarded(request, options.unix), options.allowedHosts);
    if (refusal !== undefined) return text(refusal, 403);
    const target = parseTarget(request.url ?? '');
    if (!target) return text('The request target is not a path of reasonable length.', 400);
    const { path, query } = target;
    const file = files.get(path);
    const found = matchPath(path);
    const allow = file ? allowedMethods('GET') : found.flatMap(({ route }) => allowedMethods(route.method));
    if (allow.length === 0) return notFound(path);
    if (!allow.includes(method)) return wrongMethod(method, path, allow);
    const need = method === 'POST' ? 'change' : found[0]?.route.isProbe ? 'probe' : 'read';
    const origin = originOf(request, options.unix, options.isLocalPeer);
    const denied = denial(request, need, origin, options.credentials());
    if (denied !== undefined) return denied;
    if (file) return staticReply(file, request.headers['if-none-match'] ?? '');
    if (path === eventsPath) return openEvents(events, method);
    const asked = { deps, nowWallMs: clock.wallMs(), history: () => history.list(), query };
    return answerRoute(found[0], { ...asked, accept: request.headers.accept ?? '' });
  };
}

/** Asks the handler of a route. */
export function answerRoute(
  { route, param }: RouteMatch,
  request: Omit<AdminRequest, 'param'>,
): Reply | Promise<Reply> {
  const reply = route.handle?.({ ...request, param });
  return reply ?? text('The files of the page are missing from this installation.', 500);
}

/** What of a request its guard looks at. */
export function guarded({ headers, method, socket }: IncomingMessage, unix: boolean): GuardedRequest {
  const site = headers['sec-fetch-site'];
  return {
    method: method ?? '',
    host: headers.host,
    origin: headers.origin,
    fetchSite: Array.isArray(site) ? site.join() : site,
    unix,
    localAddress: socket.localAddress,
  };
}

function openEvents(events: LiveEvents, method: string): Answer {
  if (method === 'HEAD') return { status: 200, type: 'text/event-stream', body: '' };
  return events.full ? text('As many pages are open as may be; close one.', 503) : 'events';
}

export function wrongMethod(method: string, path: string, allow: readonly string[]): Reply {
  const why = allow.includes('POST') ? 'it changes something, which GET never does' : 'it only reads';
  const sentence = `${path} takes ${allow.join(' or ')}, not ${method}: ${why}.`;
  return text(sentence, 405, { allow: allow.join(', ') });
}

/** GET answers HEAD as well. */
export function allowedMethods(method: 'GET' | 'POST'): string[] {
  return method === 'GET' ? ['GET', 'HEAD'] : ['POST'];
}

/** Path and query of an origin-form target (RFC 9112 section 3.2.1); nothing else is for us. */
export function parseTarget(url: string): { path: string; query: URLSearchParams } | undefined {
  if (!url.startsWith('/') || url.length > adminUrlCharsMax) return undefined;
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
