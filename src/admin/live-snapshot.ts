import type { CallRecord } from '../telemetry/call-record.ts';
import { callIsError } from '../telemetry/call-status.ts';
import type {
  AdminDeps,
  ClusterSnapshot,
  ListenerSnapshot,
  Readiness,
  RouteSnapshot,
  ServerInfo,
  TotalsSnapshot,
} from './deps.ts';
import { callDurationMs, callName, callReason, callStatus } from './explain-call.ts';
import { printable } from './text-table.ts';

/** What the live page shows, once a second. */
export interface LiveSnapshot {
  readonly server: ServerInfo;
  readonly readiness: Readiness;
  readonly totals: TotalsSnapshot;
  readonly listeners: readonly ListenerSnapshot[];
  readonly clusters: readonly LiveCluster[];
  /** Clusters that do not fit. */
  readonly clustersLeftOut: number;
  readonly routes: readonly LiveRoute[];
  /** Routes that do not fit. */
  readonly routesLeftOut: number;
  readonly failed: readonly FailedCalls[];
  readonly slow: readonly CallSummary[];
}

export interface LiveCluster extends ClusterSnapshot {
  /** All of the cluster's endpoints, shown or not, and those of them that are usable. */
  readonly endpointCount: number;
  readonly usableCount: number;
}

export interface LiveRoute extends RouteSnapshot {
  /** Facts that do not fit. */
  readonly factsLeftOut: number;
}

/** One line of the page's list of calls. */
export interface CallSummary {
  readonly id: number;
  /** `pkg.Svc/Method` or `GET /path`. */
  readonly name: string;
  readonly status: string;
  readonly failed: boolean;
  readonly cluster: string;
  /** Of the last attempt; '' where there was none. */
  readonly endpoint: string;
  readonly attempts: number;
  readonly durationMs: number;
  /** Milliseconds since the call ended. */
  readonly agoMs: number;
  readonly reason: string;
  /** Where its trace is shown; '' where it was not sampled or no `linkUrl` is set. */
  readonly traceUrl: string;
}

/** Returns `CallSummary.traceUrl` of a call. */
export type TraceLink = (call: CallRecord) => string;

/** The newest of the remembered calls that failed in the same way. */
export interface FailedCalls extends CallSummary {
  /** How many they are, this one included. */
  readonly times: number;
}

/** A page with more rows than this helps nobody; `/clusters` and `/routes` have them all. */
const liveClustersMax = 50;
const liveEndpointsMax = 500;
const liveListenersMax = 20;
const liveRoutesMax = 50;
/** Of one route. */
const liveFactsMax = 8;
const liveCallsMax = 8;
/** Failed calls that are searched for them. */
const liveFailedMax = 200;
/** Names come from the network; a page needs no more of one than this. */
const nameCharsMax = 200;
const reasonCharsMax = 400;
/** A fact is one line of a row. */
const factCharsMax = 120;

export function liveSnapshot(deps: AdminDeps, nowWallMs: number): LiveSnapshot {
  const calls = deps.traces();
  const all = deps.clusters();
  const { routes, leftOut: routesLeftOut } = deps.routes(liveRoutesMax);
  const failed = gatherAlike(calls.failed.slice(0, liveFailedMax), nowWallMs, deps.traceLink).slice(
    0,
    liveCallsMax,
  );
  const slow = calls.slow.slice(0, liveCallsMax);
  const failedIds = new Set(failed.map(({ id }) => id));
  deps.shown([...calls.failed.filter(({ id }) => failedIds.has(id)), ...slow]);
  return {
    server: deps.serverInfo(),
    readiness: deps.readiness(),
    totals: deps.stats().totals,
    listeners: deps.listeners().slice(0, liveListenersMax),
    clusters: clustersWithinLimit(all),
    clustersLeftOut: Math.max(0, all.length - liveClustersMax),
    routes: routes.map(routeWithinLimit),
    routesLeftOut,
    failed,
    slow: slow.map((call) => summarizeCall(call, nowWallMs, deps.traceLink)),
  };
}

/** The row of a call on the page and in `/traces`. */
export function summarizeCall(
  call: CallRecord,
  nowWallMs: number,
  traceLink: TraceLink = () => '',
): CallSummary {
  const durationMs = callDurationMs(call);
  return {
    id: call.id,
    name: printable(clip(callName(call), nameCharsMax)),
    status: callStatus(call),
    failed: callIsError(call),
    cluster: call.cluster,
    endpoint: call.attempts.at(call.chosen - 1)?.endpoint ?? '',
    attempts: call.attempts.length,
    durationMs,
    agoMs: Math.max(0, nowWallMs - call.startedWallMs - durationMs),
    reason: printable(clip(callReason(call), reasonCharsMax)),
    traceUrl: traceLink(call),
  };
}

/** One trouble is often many calls: they take one line, so that they do not hide another trouble. */
function gatherAlike(calls: readonly CallRecord[], nowWallMs: number, traceLink: TraceLink): FailedCalls[] {
  const alike = new Map<string, { newest: CallRecord; times: number }>();
  for (const call of calls) {
    const key = JSON.stringify([callName(call), callStatus(call), call.cluster, callReason(call, false)]);
    const known = alike.get(key);
    if (known) known.times++;
    else alike.set(key, { newest: call, times: 1 });
  }
  return [...alike.values()].map(({ newest, times }) => ({
    ...summarizeCall(newest, nowWallMs, traceLink),
    times,
  }));
}

/** Keeps the unusable endpoints of a cluster too large to show: they are what the reader came for. */
function clustersWithinLimit(all: readonly ClusterSnapshot[]): LiveCluster[] {
  let room = liveEndpointsMax;
  return all.slice(0, liveClustersMax).map((cluster) => {
    const { endpoints } = cluster;
    const usableCount = endpoints.reduce((n, e) => n + (e.usable ? 1 : 0), 0);
    let shown = endpoints;
    if (endpoints.length > room)
      shown = [...endpoints].sort((a, b) => Number(a.usable) - Number(b.usable)).slice(0, room);
    room -= shown.length;
    return { ...cluster, endpoints: shown, endpointCount: endpoints.length, usableCount };
  });
}

function routeWithinLimit(route: RouteSnapshot): LiveRoute {
  const { facts } = route;
  const shown = facts.slice(0, liveFactsMax).map(({ policy, name, text }) => ({
    policy,
    name: printable(clip(name, factCharsMax)),
    text: printable(clip(text, factCharsMax)),
  }));
  return { ...route, facts: shown, factsLeftOut: facts.length - shown.length };
}

function clip(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
