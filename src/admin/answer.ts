import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { type AdminCredentials, denial, type Need, originOf } from './access.ts';
import type { DashboardFile } from './dashboard-files.ts';
import type { AdminDeps } from './deps.ts';
import { pageForBrowser } from './html-page.ts';
import type { LiveData } from './live-data.ts';
import { type LiveEvents, liveClientsMax } from './live-events.ts';
import { type OpenStream, openEventStream, type Reply, staticReply, text } from './reply.ts';
import { type GuardedRequest, refusalOf } from './request-guard.ts';
import { type AdminRequest, eventsPath, matchPath, notFound, type RouteMatch, tapPath } from './routes.ts';
import type { TapStreams } from './tap-streams.ts';

export const adminUrlCharsMax = 2_048;

export interface AnswerOptions {
  readonly deps: AdminDeps;
  readonly clock: Clock;
  readonly events: LiveEvents;
  readonly taps: TapStreams;
  readonly live: LiveData;
  readonly files: ReadonlyMap<string, DashboardFile>;
  readonly allowedHosts: readonly string[];
  /** As they are now: a token may be replaced. */
  readonly credentials: () => AdminCredentials;
  /** See `isLocalPeer` in `access.ts`. */
  readonly isLocalPeer: (socket: Socket) => boolean;
  /** Whether the server listens on a Unix socket. */
  readonly unix: boolean;
}

/** A reply, or a stream that lasts. */
export type Answer = Reply | Promise<Reply> | OpenStream;

/**
 * Decides what a request gets: refused, unknown, wrong method, denied, a file of the page, the stream, or its handler.
 */
export function makeAnswer(options: AnswerOptions): (request: IncomingMessage, body: Buffer) => Answer {
  const { deps, clock, events, taps, live, files } = options;
  return (request, body) => {
    const method = request.method ?? '';
    const screened = screen(request, options);
    if (screened.refusal !== undefined) return screened.refusal;
    const { path, query } = screened.target;
    const file = files.get(path);
    const found = matchPath(path);
    const allow = file ? allowedMethods('GET') : found.flatMap(({ route }) => allowedMethods(route.method));
    if (allow.length === 0) return pageForBrowser(notFound(path), path, request.headers.accept ?? '', query);
    if (!allow.includes(method)) return wrongMethod(method, path, allow);
    const need = needOf(method, screened.target, found[0]?.route.isProbe === true);
    const denied = denialOf(request, need, options);
    const refused = denied();
    if (refused !== undefined) return refused;
    if (file) return staticReply(file, request.headers['if-none-match'] ?? '');
    const isAllowed = (): boolean => denied() === undefined;
    if (path === eventsPath) return openEvents(events, method, isAllowed);
    if (path === tapPath) return taps.answer({ request, query, body, isAllowed });
    const asked = { deps, nowWallMs: clock.wallMs(), live: () => live.all(), query, body };
    const accept = request.headers.accept ?? '';
    const reply = answerRoute(found[0], { ...asked, accept });
    // What changes something is for programs.
    if (method === 'POST' || reply instanceof Promise) return reply;
    return pageForBrowser(reply, path, accept, query);
  };
}

/** Message bodies say more than what else can be read. */
function needOf(method: string, { path, query }: Target, isProbe: boolean): Need {
  if (method === 'POST') return 'change';
  if (path === tapPath && query.has('messages')) return 'messages';
  return isProbe ? 'probe' : 'read';
}

function denialOf(request: IncomingMessage, need: Need, options: AnswerOptions): () => Reply | undefined {
  const origin = originOf(request, options.unix, options.isLocalPeer);
  return () => denial(request, need, origin, options.credentials());
}

/** Returns how much of the body of a request is kept for its answer: nothing, unless its route takes one and the client may have it. */
export function keptBodyBytes(request: IncomingMessage, options: AnswerOptions): number {
  if (request.method !== 'POST') return 0;
  const { target } = screen(request, options);
  if (target === undefined) return 0;
  const found = matchPath(target.path).find(({ route }) => route.method === 'POST');
  const { bodyBytesMax = 0 } = found?.route ?? {};
  return bodyBytesMax === 0 || denialOf(request, 'change', options)() !== undefined ? 0 : bodyBytesMax;
}

/** Asks the handler of a route. */
export function answerRoute(
  { route, param }: RouteMatch,
  request: Omit<AdminRequest, 'param'>,
): Reply | Promise<Reply> {
  const reply = route.handle?.({ ...request, param });
  return reply ?? text('The files of the page are missing from this installation.', 500);
}

export interface ScreenOptions {
  readonly unix: boolean;
  readonly allowedHosts: readonly string[];
  /** See `GuardedRequest`. */
  readonly anyAddress?: boolean;
}

type Screened =
  | { readonly refusal: Reply; readonly target?: undefined }
  | { readonly refusal?: undefined; readonly target: Target };

/** Checks what every request must have, whatever it is for: one `Host` that is ours, and a path. */
export function screen(
  request: IncomingMessage,
  { unix, allowedHosts, anyAddress }: ScreenOptions,
): Screened {
  // RFC 9112 section 3.2. Node has read the first one; a proxy in front may have read the other.
  if ((request.headersDistinct.host?.length ?? 0) > 1)
    return { refusal: text('The request has more than one Host header; send one.', 400) };
  const refusal = refusalOf({ ...guarded(request, unix), anyAddress }, allowedHosts);
  if (refusal !== undefined) return { refusal: text(refusal, 403) };
  const target = parseTarget(request.url ?? '');
  return target === undefined
    ? { refusal: text('The request target is not a path of reasonable length.', 400) }
    : { target };
}

/** What the guard of a request checks. */
function guarded({ headers, method, socket, url = '' }: IncomingMessage, unix: boolean): GuardedRequest {
  const site = headers['sec-fetch-site'];
  const path = url.split('?', 1)[0];
  return {
    method: method ?? '',
    host: headers.host,
    origin: headers.origin,
    fetchSite: Array.isArray(site) ? site.join() : site,
    isStream: path === eventsPath || path === tapPath,
    unix,
    localAddress: socket.localAddress,
  };
}

function openEvents(events: LiveEvents, method: string, isAllowed: () => boolean): Answer {
  if (method === 'HEAD') return { status: 200, type: 'text/event-stream', body: '' };
  if (events.full) {
    const why = `${liveClientsMax} live pages are open, and there may be no more; close one, or read /live.json.`;
    return text(why, 503, { connection: 'close', 'retry-after': '10' });
  }
  return {
    open(response) {
      openEventStream(response);
      events.add(response, isAllowed);
    },
  };
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

interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Path and query of an origin-form target (RFC 9112 section 3.2.1); nothing else is for us. */
function parseTarget(url: string): Target | undefined {
  if (!url.startsWith('/') || url.length > adminUrlCharsMax) return undefined;
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
