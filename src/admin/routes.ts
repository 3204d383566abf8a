import { type LogLevel, logLevels } from '../core/logger.ts';
import { callViews } from './call-groups/group-calls.ts';
import { groupsText, viewOf } from './call-groups/reply.ts';
import { configDumpText } from './config-dump-text.ts';
import { controlPlaneText } from './control-plane-text.ts';
import type { AdminDeps, ClusterUsability, Readiness } from './deps.ts';
import { explainCall, explainMadeUp } from './explain/answers.ts';
import { maskSecrets } from './mask-secrets.ts';
import { replicaCallRoutes } from './replica-call/routes.ts';
import { json, type Reply, requestedFormat, text } from './reply.ts';
import { certificatesText, configValuesText } from './setting-pages.ts';
import { tapDescriptorBytesMax } from './tap-streams.ts';
import {
  clustersText,
  configText,
  drainText,
  inboundDrainText,
  listenersText,
  memoryText,
  noInboundText,
  readyText,
  reloadText,
  routesText,
  serverInfoText,
  statsText,
  tracesText,
  undrainText,
} from './text-pages.ts';

/** What a handler may see of its request. */
export interface AdminRequest {
  readonly deps: AdminDeps;
  readonly nowWallMs: number;
  /** What the live page shows. */
  readonly live: () => object;
  readonly query: URLSearchParams;
  readonly accept: string;
  /** What stood in the place of the path's `{}`, percent-decoded. */
  readonly param: string;
  /** Empty unless the route has `bodyBytesMax`. */
  readonly body: Buffer;
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  /** One `{}` at most stands for any text. */
  readonly path: string;
  /** What it is for, in a few words, for the list that an unknown path gets. */
  readonly about: string;
  /** Served on `admin.probes` too, and to everyone: the kubelet and Prometheus cannot authenticate. */
  readonly isProbe?: boolean;
  /** Bytes of a body that it takes; a body is not read otherwise. */
  readonly bodyBytesMax?: number;
  /** Absent where the server itself does the work: the page and its event stream. */
  readonly handle?: (request: AdminRequest) => Reply | Promise<Reply>;
}

export const eventsPath = '/live/events';
export const tapPath = '/tap';

/** Everything the admin server answers. GET reads, POST changes; the table is also the list users see. */
export const adminRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: '/', about: 'the live page' },
  {
    method: 'GET',
    path: '/ready',
    about: 'whether calls should come here (200 or 503); ?usable=inbound also requires the service behind it',
    handle: ready,
    isProbe: true,
  },
  {
    method: 'GET',
    path: '/live',
    about: 'whether the process works (200 or 503)',
    handle: live,
    isProbe: true,
  },
  { method: 'GET', path: '/live.json', about: 'what the page shows, once', handle: liveJson },
  { method: 'GET', path: eventsPath, about: 'what the page shows, every second (server-sent events)' },
  {
    method: 'GET',
    path: tapPath,
    about: 'live calls as they end (one JSON object on a line, or server-sent events); see docs/tap.md',
  },
  {
    method: 'POST',
    path: tapPath,
    about: 'the same, with a descriptor set for messages in the body',
    bodyBytesMax: tapDescriptorBytesMax,
  },
  { method: 'GET', path: '/metrics', about: 'Prometheus metrics', handle: metrics, isProbe: true },
  {
    method: 'GET',
    path: '/clusters',
    about: 'each endpoint: health, weight, share, latency',
    handle: (r) => inFormat(r, r.deps.clusters(), clustersText),
  },
  {
    method: 'GET',
    path: '/listeners',
    about: 'where calls come in',
    handle: (r) => inFormat(r, r.deps.listeners(), listenersText),
  },
  {
    method: 'GET',
    path: '/routes',
    about: 'where each route leads, and what its policies do',
    handle: (r) => inFormat(r, r.deps.routes().routes, routesText),
  },
  {
    method: 'GET',
    path: '/stats',
    about: 'totals, counters, and how evenly each cluster is balanced',
    handle: stats,
  },
  {
    method: 'GET',
    path: '/config_dump',
    about: 'the active configuration, secrets masked',
    handle: configDump,
  },
  {
    method: 'GET',
    path: '/config_values',
    about: 'each setting with its default, and where its value comes from',
    handle: (r) => inFormat(r, r.deps.configValues(), configValuesText),
  },
  {
    method: 'GET',
    path: '/certificates',
    about: 'the certificates in use, and when they expire',
    handle: (r) => inFormat(r, r.deps.certificates(), (all) => certificatesText(all, r.nowWallMs)),
  },
  {
    method: 'GET',
    path: '/xds',
    about: 'the control plane: what it sent, what was refused and why',
    handle: controlPlane,
  },
  {
    method: 'GET',
    path: '/server_info',
    about: 'version, state, uptime',
    handle: (r) => inFormat(r, r.deps.serverInfo(), serverInfoText),
  },
  {
    method: 'GET',
    path: '/memory',
    about: 'memory of the process',
    handle: (r) => inFormat(r, r.deps.memory(), memoryText),
  },
  {
    method: 'GET',
    path: '/traces',
    about: 'recent, slow and failed calls',
    handle: traces,
  },
  {
    method: 'GET',
    path: '/calls/by/{}',
    about: `calls of the last seconds by ${callViews.join(', ')}`,
    handle: callGroups,
  },
  { method: 'GET', path: '/explain/{}', about: 'one call: why it went where it did', handle: explainCall },
  {
    method: 'GET',
    path: '/explain',
    about: 'what would become of a request, ?request=GET%20/path',
    handle: explainMadeUp,
  },
  {
    method: 'POST',
    path: '/drain',
    about:
      'fail /ready, close the listeners after drain.delay, finish the calls in flight; ?direction=inbound only moves clients',
    handle: drain,
  },
  {
    method: 'POST',
    path: '/undrain',
    about: 'take a drain back, until the listeners have closed',
    handle: undrain,
  },
  {
    method: 'POST',
    path: '/reload',
    about: 'reload the configuration: all of it is applied, or nothing',
    handle: reload,
  },
  {
    method: 'POST',
    path: '/logging',
    about: `set the log level, ?level=${logLevels.join('|')}`,
    handle: logging,
  },
  {
    method: 'POST',
    path: '/endpoints/{}/drain',
    about: 'give an endpoint no new calls',
    handle: (r) => endpointDrain(r, true),
  },
  {
    method: 'POST',
    path: '/endpoints/{}/enable',
    about: 'use a drained endpoint again',
    handle: (r) => endpointDrain(r, false),
  },
  {
    method: 'POST',
    path: '/endpoints/{}/pin',
    about: 'get a header that sends calls to this endpoint',
    handle: endpointPin,
  },
  ...replicaCallRoutes,
  {
    method: 'POST',
    path: '/healthcheck/fail',
    about: 'make /ready fail',
    handle: (r) => healthcheck(r, true),
  },
  { method: 'POST', path: '/healthcheck/ok', about: 'undo that', handle: (r) => healthcheck(r, false) },
  { method: 'POST', path: '/quitquitquit', about: 'drain, then stop', handle: quit },
];

export interface RouteMatch {
  readonly route: AdminRoute;
  readonly param: string;
}

/** The routes whose path this is, whatever their method, with what stood for `{}`. */
export function matchPath(path: string, routes = adminRoutes): readonly RouteMatch[] {
  const matches: RouteMatch[] = [];
  for (const route of routes) {
    const param = paramOf(route.path, path);
    if (param !== undefined) matches.push({ route, param });
  }
  return matches;
}

function paramOf(pattern: string, path: string): string | undefined {
  const [before, after] = pattern.split('{}');
  if (after === undefined) return path === pattern ? '' : undefined;
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
  const raw = path.slice(before.length, path.length - after.length);
  if (raw === '' || path.length <= before.length + after.length) return undefined;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined; // a broken escape names nothing
  }
}

/** Calls in flight that `/traces` lists, those first that began first. */
const inFlightShownMax = 64;

/** What exists, for whoever asked for what does not. */
export function notFound(path: string, routes = adminRoutes): Reply {
  const width = Math.max(...routes.map((r) => shown(r.path).length)) + 1;
  const lines = routes.map((r) => `  ${r.method.padEnd(4)} ${shown(r.path).padEnd(width)} ${r.about}`);
  return text(`There is no ${path} here. There is:\n${lines.join('\n')}\n`, 404);
}

function shown(path: string): string {
  return path.replace(
    '{}',
    path.startsWith('/explain') ? 'ID' : path.startsWith('/calls') ? 'VIEW' : 'ADDRESS',
  );
}

function inFormat<T>(request: AdminRequest, value: T, toText: (value: T) => string, status = 200): Reply {
  const format = requestedFormat(request.query, request.accept);
  if (format === undefined) return text('Write format=json or format=text.', 400);
  return format === 'json' ? json(value, status) : text(toText(value), status);
}

function ready(request: AdminRequest): Reply {
  const usable = request.query.get('usable');
  if (usable !== null && usable !== 'inbound')
    return text('Write /ready?usable=inbound, or /ready for the sidecar alone.', 400);
  const clusters = request.deps.clusterUsability();
  const missing = usable === null ? [] : clusters.filter((one) => one.inbound && one.usable === 0);
  const readiness = withMissing(request.deps.readiness(), missing);
  const { state } = request.deps.serverInfo();
  return inFormat(request, { ...readiness, state, clusters }, readyText, readiness.ready ? 200 : 503);
}

/** A pod is not ready for requests before its service is, and the sidecar knows it. */
function withMissing(readiness: Readiness, missing: readonly ClusterUsability[]): Readiness {
  if (missing.length === 0) return readiness;
  return {
    ...readiness,
    ready: false,
    reasons: [...readiness.reasons, ...missing.map(({ reason }) => reason)],
  };
}

function live(request: AdminRequest): Reply {
  const isLive = request.deps.live();
  return inFormat(request, { live: isLive }, () => (isLive ? 'live' : 'not live'), isLive ? 200 : 503);
}

function liveJson(request: AdminRequest): Reply {
  return json(request.live());
}

function metrics({ deps, accept }: AdminRequest): Reply {
  const { type, body } = deps.metricsText(accept);
  return { status: 200, type, body };
}

function stats(request: AdminRequest): Reply {
  const { deps } = request;
  const balance = deps.clusters().map(({ name, balance }) => ({ cluster: name, ...balance }));
  return inFormat(request, { ...deps.stats(), balance }, statsText);
}

function traces(request: AdminRequest): Reply {
  const { deps, nowWallMs } = request;
  const calls = deps.traces();
  // The JSON has all of them, the text the newest of each list.
  deps.shown(Object.values(calls).flat());
  const inFlight = deps.inFlight(inFlightShownMax);
  return inFormat(request, { ...calls, inFlight }, () =>
    tracesText(calls, nowWallMs, deps.traceLink, inFlight),
  );
}

function callGroups(request: AdminRequest): Reply {
  const view = viewOf(request.param, request.query);
  if (view === undefined) return text(`Write /calls/by/ with one of ${callViews.join(', ')}.`, 400);
  return inFormat(request, request.deps.callGroups(view.by, view.filters), groupsText);
}

/** The text says which configuration it is in a comment, so that it can be run as it is; JSON has a header for it. */
function configDump(request: AdminRequest): Reply {
  const { config } = request.deps.serverInfo();
  const sent = request.deps.sentObjects();
  const dumped = maskSecrets(request.deps.configDump()) ?? null;
  // In JSON the resources stand beside the configuration, under a key that no configuration has.
  const answer = sent.length === 0 ? dumped : { ...(dumped as object), controlPlaneObjects: sent };
  const reply = inFormat(request, answer, () => `# ${configText(config)}\n${configDumpText(dumped, sent)}`);
  return { ...reply, headers: { ...reply.headers, 'x-outrigger-config-version': String(config.version) } };
}

async function reload(request: AdminRequest): Promise<Reply> {
  const outcome = await request.deps.reload();
  // Wrong is the configuration, not the request; 409 says that nothing has changed.
  return inFormat(request, outcome, reloadText, outcome.ok ? 200 : 409);
}

function drain(request: AdminRequest): Reply {
  const direction = request.query.get('direction');
  if (direction !== null) return drainInbound(request, direction);
  request.deps.drain();
  const progress = request.deps.serverInfo().drain;
  return inFormat(request, { draining: true, ...progress }, () => drainText(progress));
}

function drainInbound(request: AdminRequest, direction: string): Reply {
  if (direction !== 'inbound')
    return text('Write /drain?direction=inbound, or /drain for the whole sidecar.', 400);
  request.deps.drainInbound();
  const { drain: progress, inboundDrain } = request.deps.serverInfo();
  if (progress !== null) return inFormat(request, { draining: true, ...progress }, () => drainText(progress));
  const inbound = request.deps.listeners().filter((listener) => listener.direction === 'inbound');
  const answer = { draining: true, inboundDrain, listeners: inbound.map(({ name }) => name) };
  return inFormat(request, answer, () =>
    inbound.length === 0 ? noInboundText : inboundDrainText(inboundDrain),
  );
}

function undrain(request: AdminRequest): Reply {
  const outcome = request.deps.undrain();
  const isDraining = outcome === 'listeners_closed' || outcome === 'stopping';
  const answer = { draining: isDraining, outcome, message: undrainText(outcome) };
  // 409: what the sidecar is doing does not allow it (RFC 9110 section 15.5.10).
  return inFormat(request, answer, () => answer.message, isDraining ? 409 : 200);
}

function logging(request: AdminRequest): Reply {
  const { deps, query } = request;
  const level = query.get('level');
  if (!isLogLevel(level)) return text(`Write /logging?level= with one of ${logLevels.join(', ')}.`, 400);
  deps.setLogLevel(level);
  return inFormat(request, { logLevel: level }, () => `log level is ${level}`);
}

/** An empty object without a control plane: whoever reads JSON need not tell it from an error. */
function controlPlane(request: AdminRequest): Reply {
  const snapshot = request.deps.controlPlane();
  return inFormat(request, snapshot ?? {}, () => controlPlaneText(snapshot));
}

function isLogLevel(level: string | null): level is LogLevel {
  return (logLevels as readonly (string | null)[]).includes(level);
}

function endpointDrain({ deps, param }: AdminRequest, on: boolean): Reply {
  if (!deps.endpointDrain(param, on))
    return text('No cluster has an endpoint with this address; /clusters lists the endpoints.', 404);
  return text(
    on
      ? 'drained: the endpoint gets no new requests, and those in flight finish'
      : 'enabled: the endpoint gets requests again',
  );
}

function endpointPin(request: AdminRequest): Reply {
  const pin = request.deps.pinEndpoint(request.param);
  if (pin === 'unknown')
    return text('No cluster has an endpoint with this address; /clusters lists the endpoints.', 404);
  if (pin === 'forbidden')
    return text(
      'Refused: admin.listen is not a loopback address, so calls cannot be pinned to an endpoint; set admin.pinnedCalls: true to allow it.',
      403,
    );
  return inFormat(request, pin, ({ header, value, forMs }) => `${header}: ${value} (for ${forMs / 1000} s)`);
}

function healthcheck({ deps }: AdminRequest, fail: boolean): Reply {
  deps.healthcheckFail(fail);
  return text(
    fail ? '/ready fails from now on, until POST /healthcheck/ok' : '/ready shows the real state again',
  );
}

function quit({ deps }: AdminRequest): Reply {
  const reply = text('quitting: calls in flight finish first', 200, { connection: 'close' });
  return { ...reply, afterwards: () => deps.quit() };
}
