import { namePattern } from '../../core/name-pattern.ts';

/** What calls can be grouped by. */
export const callViews = ['method', 'route', 'listener', 'cluster', 'endpoint', 'client'] as const;
export type CallView = (typeof callViews)[number];

/** What a view needs of a call. */
export interface ObservedCall {
  readonly endedMs: number;
  readonly durationMs: number;
  readonly isError: boolean;
  readonly isClientError: boolean;
  readonly attempts: number;
  readonly status: string;
  /** By `CallView`. */
  readonly names: Readonly<Record<CallView, string>>;
}

/** Name patterns; only the calls that match all of them are grouped. */
export type CallFilters = Readonly<Partial<Record<CallView | 'status', string>>>;

/** Groups of one report; those with the fewest calls are left out. */
export const groupsMax = 500;

export interface GroupsReport {
  readonly by: CallView;
  /** The report covers the calls that ended in this time, milliseconds. 0 where the question began it. */
  readonly observedMs: number;
  /** All calls that match the filters. */
  readonly total: CallGroup;
  /** The most frequent first. */
  readonly groups: readonly CallGroup[];
  /** Groups beyond `groupsMax`. */
  readonly leftOut: number;
}

export interface CallGroup {
  /** '' where a call has no such name: one that matched no route, or never had an endpoint. */
  readonly name: string;
  /** The listener of a route, the cluster of an endpoint, else ''. */
  readonly scope: string;
  /** Calls that ended. */
  readonly calls: number;
  /** Of these, those that count as errors (`callTally`). */
  readonly errors: number;
  readonly clientErrors: number;
  readonly attempts: number;
  readonly perSecond: number;
  /** Durations; null without a call. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
}

/** Below this, a rate would say more than was observed, milliseconds. */
const rateOverMsMin = 1000;

export function groupCalls(
  calls: readonly ObservedCall[],
  by: CallView,
  filters: CallFilters,
  observedMs: number,
): GroupsReport {
  const matching = calls.filter(filterOf(filters));
  const groups = new Map<string, ObservedCall[]>();
  for (const call of matching) {
    const key = `${scopeOf(by, call)}\n${call.names[by]}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [call]);
    else known.push(call);
  }
  const all = [...groups.values()].sort((a, b) => b.length - a.length);
  const shown = all.slice(0, groupsMax);
  return {
    by,
    observedMs,
    total: summarize('', '', matching, observedMs),
    groups: shown.map((group) => summarize(group[0].names[by], scopeOf(by, group[0]), group, observedMs)),
    leftOut: all.length - shown.length,
  };
}

function scopeOf(by: CallView, { names }: ObservedCall): string {
  if (by === 'route') return names.listener;
  return by === 'endpoint' ? names.cluster : '';
}

function summarize(
  name: string,
  scope: string,
  calls: readonly ObservedCall[],
  observedMs: number,
): CallGroup {
  const durations = Float64Array.from(calls, ({ durationMs }) => durationMs).sort();
  const quantile = (q: number): number | null =>
    durations.length === 0 ? null : durations[Math.max(0, Math.ceil(q * durations.length) - 1)];
  const sum = (of: (call: ObservedCall) => number): number => calls.reduce((n, call) => n + of(call), 0);
  return {
    name,
    scope,
    calls: calls.length,
    errors: sum(({ isError }) => (isError ? 1 : 0)),
    clientErrors: sum(({ isClientError }) => (isClientError ? 1 : 0)),
    attempts: sum(({ attempts }) => attempts),
    perSecond: (calls.length * 1000) / Math.max(observedMs, rateOverMsMin),
    p50Ms: quantile(0.5),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
  };
}

/** A method without its service, a status without "HTTP" and an address without its port match too. */
function filterOf(filters: CallFilters): (call: ObservedCall) => boolean {
  const checks = Object.entries(filters).map(([key, filter]) => {
    const isMatch = remembering(namePattern(filter));
    return (call: ObservedCall): boolean => {
      const name = key === 'status' ? call.status : call.names[key as CallView];
      return isMatch(name) || isMatch(shortName(key, name));
    };
  });
  return (call) => checks.every((passes) => passes(call));
}

function shortName(key: string, name: string): string {
  switch (key) {
    case 'method':
      return name.slice(name.lastIndexOf('/') + 1);
    case 'status':
      return name.replace(/^HTTP /, '');
    case 'endpoint':
      return name.replace(/:\d+$/, '');
    default:
      return name;
  }
}

/** Many calls have few names. */
function remembering(isMatch: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) {
      answer = isMatch(name);
      known.set(name, answer);
    }
    return answer;
  };
}
