import type { CallRecord } from '../telemetry/call-record.ts';
import { callIsError } from '../telemetry/call-status.ts';
import type {
  AdminDeps,
  ClusterSnapshot,
  EndpointSnapshot,
  ListenerSnapshot,
  Readiness,
  RouteSnapshot,
  ServerInfo,
  TotalsSnapshot,
} from './deps.ts';
import { callDurationMs, callName, callReason, callStatus } from './explain-call.ts';
import { printable } from './text-table.ts';

/** What the live page shows of the sidecar as a whole, once a second. */
export interface LiveSnapshot {
  /** Milliseconds since the Unix epoch, by the clock of the sidecar. */
  readonly nowWallMs: number;
  readonly server: ServerInfo;
  readonly readiness: Readiness;
  readonly totals: TotalsSnapshot;
}

/** What the page shows of listeners, clusters and endpoints: a part of its own, since it is large. */
export interface LiveClusters {
  /** Milliseconds from one update to the next, where no endpoint changes its state. */
  readonly clustersEveryMs: number;
  readonly listeners: readonly ListenerSnapshot[];
  readonly clusters: readonly LiveCluster[];
  /** Clusters that do not fit. */
  readonly clustersLeftOut: number;
}

/** The routes of the page: a part of their own, since they seldom change. */
export interface LiveRoutes {
  readonly routes: readonly LiveRoute[];
  /** Routes that do not fit. */
  readonly routesLeftOut: number;
}

export interface LiveCluster extends ClusterSnapshot {
  /** All of the cluster's endpoints, shown or not, and those of them that are usable. */
  readonly endpointCount: number;
  readonly usableCount: number;
  readonly endpoints: readonly LiveEndpoint[];
}

export interface LiveEndpoint extends EndpointSnapshot {
  /** Its states over the last minutes; see `StateHistory.timeline`. */
  readonly timeline: string;
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

/** A page with more rows than this helps nobody; `/clusters` and `/routes` have them all. */
const liveClustersMax = 50;
const liveEndpointsMax = 500;
const liveListenersMax = 20;
const liveRoutesMax = 50;
/** Of one route. */
const liveFactsMax = 8;
/** Names come from the network; a page needs no more of one than this. */
const nameCharsMax = 200;
const reasonCharsMax = 400;
/** A fact is one line of a row. */
const factCharsMax = 120;
/** Of one route. */
const livePoliciesMax = 24;
const policyCharsMax = 200;
/** Of `clustersEveryMs`: each endpoint adds this much, within these bounds. */
const everyMsOfEndpoint = 50;
const clustersEveryMsMin = 2_000;
const clustersEveryMsMax = 10_000;

export function liveSnapshot(deps: AdminDeps, nowWallMs: number): LiveSnapshot {
  return {
    nowWallMs,
    server: deps.serverInfo(),
    readiness: deps.readiness(),
    totals: deps.stats().totals,
  };
}

/** `timelineOf` returns the states of an endpoint over the last minutes. */
export function liveClusters(
  deps: AdminDeps,
  timelineOf: (cluster: string, address: string) => string,
): LiveClusters {
  const all = deps.clusters();
  return {
    clustersEveryMs: clustersEveryMs(all.reduce((n, { endpoints }) => n + endpoints.length, 0)),
    listeners: deps.listeners().slice(0, liveListenersMax),
    clusters: clustersWithinLimit(all, timelineOf),
    clustersLeftOut: Math.max(0, all.length - liveClustersMax),
  };
}

/**
 * How often a page shows clusters with this many endpoints, in whole seconds: what a page costs a browser grows with the endpoints, and
 * one with 100 of them must stay below 1% of a core.
 */
export function clustersEveryMs(endpoints: number): number {
  const seconds = Math.ceil((endpoints * everyMsOfEndpoint) / 1_000);
  return Math.min(clustersEveryMsMax, Math.max(clustersEveryMsMin, seconds * 1_000));
}

export function liveRoutes(deps: AdminDeps): LiveRoutes {
  const { routes, leftOut } = deps.routes(liveRoutesMax);
  return { routes: routes.map(routeWithinLimit), routesLeftOut: leftOut };
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

/** Keeps the unusable endpoints of a cluster too large to show: they are what the reader came for. */
function clustersWithinLimit(
  all: readonly ClusterSnapshot[],
  timelineOf: (cluster: string, address: string) => string,
): LiveCluster[] {
  let room = liveEndpointsMax;
  return all.slice(0, liveClustersMax).map((cluster) => {
    const { endpoints } = cluster;
    const usableCount = endpoints.reduce((n, e) => n + (e.usable ? 1 : 0), 0);
    let shown = endpoints;
    if (endpoints.length > room)
      shown = [...endpoints].sort((a, b) => Number(a.usable) - Number(b.usable)).slice(0, room);
    room -= shown.length;
    const lanes = shown.map((one) => ({ ...one, timeline: timelineOf(cluster.name, one.address) }));
    return { ...cluster, endpoints: lanes, endpointCount: endpoints.length, usableCount };
  });
}

function routeWithinLimit(route: RouteSnapshot): LiveRoute {
  const { facts } = route;
  const shown = facts.slice(0, liveFactsMax).map(({ policy, name, text }) => ({
    policy,
    name: printable(clip(name, factCharsMax)),
    text: printable(clip(text, factCharsMax)),
  }));
  const policies = route.policies.slice(0, livePoliciesMax).map(({ policy, text }) => ({
    policy,
    text: printable(clip(text, policyCharsMax)),
  }));
  const match = printable(clip(route.match, policyCharsMax));
  return { ...route, match, policies, facts: shown, factsLeftOut: facts.length - shown.length };
}

function clip(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
