import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { DashboardFile } from './dashboard-files.ts';
import type { AdminDeps } from './deps.ts';
import type { LiveEvents } from './live-events.ts';
import { type Reply, staticReply, text } from './reply.ts';
import { refusalOf } from './request-guard.ts';
import { eventsPath, matchPath, notFound } from './routes.ts';
import type { TotalsHistory } from './totals-history.ts';

export const adminUrlCharsMax = 2_048;

export interface AnswerOptions {
  readonly deps: AdminDeps;
  readonly clock: Clock;
  readonly events: LiveEvents;
  readonly history: TotalsHistory;
  readonly files: ReadonlyMap<string, DashboardFile>;
  readonly allowedHosts: readonly string[];
  /** Whether the server listens on a Unix socket. */
  readonly unix: boolean;
}

/** A reply, or that the event stream is to be opened. */
export type Answer = Reply | Promise<Reply> | 'events';

/** Decides what a request gets: refused, unknown, wrong method, a file of the page, the stream, or its handler. */
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
    const allow = file ? methodsOf('GET') : found.flatMap(({ route }) => methodsOf(route.method));
    if (allow.length === 0) return notFound(path);
    if (!allow.includes(method)) return wrongMethod(method, path, allow);
    if (file) return staticReply(file, request.headers['if-none-match'] ?? '');
    if (path === eventsPath) return openEvents(events, method);
    const { route, param } = found[0];
    const accept = request.headers.accept ?? '';
    const nowWallMs = clock.wallMs();
    const reply = route.handle?.({ deps, nowWallMs, history: () => history.list(), query, accept, param });
    return reply ?? text('The files of the page are missing from this installation.', 500);
  };
}

function guarded({ headers, method, socket }: IncomingMessage, unix: boolean) {
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

function wrongMethod(method: string, path: string, allow: readonly string[]): Reply {
  const why = allow.includes('POST') ? 'it changes something, which GET never does' : 'it only reads';
  const sentence = `${path} takes ${allow.join(' or ')}, not ${method}: ${why}.`;
  return text(sentence, 405, { allow: allow.join(', ') });
}

function methodsOf(method: 'GET' | 'POST'): string[] {
  return method === 'GET' ? ['GET', 'HEAD'] : ['POST'];
}

/** Path and query of an origin-form target (RFC 9112 section 3.2.1); nothing else is for us. */
function parseTarget(url: string): { path: string; query: URLSearchParams } | undefined {
  if (!url.startsWith('/') || url.length > adminUrlCharsMax) return undefined;
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
