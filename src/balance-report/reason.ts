import type { ClusterSample, EndpointSample } from './sample.ts';

/** Policies that send fewer requests to endpoints that are slow or busy. */
const loadPolicies: ReadonlySet<string> = new Set(['least_request', 'peak_ewma']);
/** Policies that send requests with the same key to the same endpoint. */
const keyPolicies: ReadonlySet<string> = new Set(['ring_hash', 'maglev', 'ip_hash', 'sticky_cookie']);

/** A latency differs from that of the others from this factor on. */
const latencyFactorMin = 1.25;
/** An endpoint is busier than the others from this factor on. */
const activeFactorMin = 2;
/** Part of the attempts that fail, from which errors explain something. */
const errorPartMin = 0.1;
/** An endpoint must fail this much more often than the others. */
const errorFactorMin = 2;

/** Why an endpoint gets more or less than its share. */
export interface Reason {
  /** Follows "because"; '' if the facts do not show a reason. */
  readonly text: string;
  /** The policy is meant to do this. */
  readonly isByPolicy: boolean;
}

/** Explains why `odd` gets more (`isOver`) or less than its share. */
export function reasonOf(odd: EndpointSample, cluster: ClusterSample, isOver: boolean): Reason {
  const { policy } = cluster;
  const others = cluster.endpoints.filter((endpoint) => endpoint !== odd);
  const failing = failsMore(odd, others);
  if (failing !== null) {
    const consequence = isOver
      ? 'and quick failures leave it few requests in flight; configure outlier detection'
      : 'and failed attempts lower its share';
    return { text: `${failing} ${consequence}`, isByPolicy: false };
  }
  if (keyPolicies.has(policy))
    return {
      text: `${policy} sends requests with the same key to the same endpoint, and some keys have more requests than others`,
      isByPolicy: true,
    };
  if (!loadPolicies.has(policy)) return unknown;
  return isOver ? isFaster(odd, others, policy) : isSlower(odd, others, policy);
}

const unknown: Reason = { text: '', isByPolicy: false };

function failsMore(odd: EndpointSample, others: readonly EndpointSample[]): string | null {
  const part = errorPart([odd]);
  if (part < errorPartMin || part < errorFactorMin * errorPart(others)) return null;
  return `${Math.round(part * 100)}% of its attempts fail`;
}

function errorPart(endpoints: readonly EndpointSample[]): number {
  let picks = 0;
  let errors = 0;
  for (const endpoint of endpoints) {
    picks += endpoint.picks;
    errors += endpoint.errors;
  }
  // Errors may be of attempts that began before.
  return picks === 0 ? 0 : Math.min(1, errors / picks);
}

function isFaster(odd: EndpointSample, others: readonly EndpointSample[], policy: string): Reason {
  const ownMs = odd.p50Ms();
  const otherMs = medianP50(others);
  if (ownMs === null || otherMs === null || ownMs * latencyFactorMin > otherMs) return unknown;
  return {
    text: `it answers faster (p50 ${milliseconds(ownMs)}, the other endpoints ${milliseconds(otherMs)}) and ${policy} follows load`,
    isByPolicy: true,
  };
}

function isSlower(odd: EndpointSample, others: readonly EndpointSample[], policy: string): Reason {
  const ownMs = odd.p50Ms();
  const otherMs = medianP50(others);
  if (ownMs !== null && otherMs !== null && ownMs >= otherMs * latencyFactorMin) {
    return {
      text: `it answers more slowly (p50 ${milliseconds(ownMs)}, the other endpoints ${milliseconds(otherMs)}) and ${policy} follows load`,
      isByPolicy: true,
    };
  }
  const meanPerWeight = others.reduce((sum, e) => sum + e.activePerWeight, 0) / others.length;
  if (odd.activePerWeight < activeFactorMin * meanPerWeight || odd.active < 1) return unknown;
  const mean = others.reduce((sum, e) => sum + e.active, 0) / others.length;
  return {
    text: `it holds ${count(odd.active)} attempts in flight (the other endpoints ${count(mean)} on average) and ${policy} follows load`,
    isByPolicy: true,
  };
}

/** Explains why `busiest` has more attempts in flight than the others although it gets its share. */
export function busyReason(busiest: EndpointSample, cluster: ClusterSample): string {
  const others = cluster.endpoints.filter((endpoint) => endpoint !== busiest);
  const ownMs = busiest.p50Ms();
  const otherMs = medianP50(others);
  const isSlow = ownMs !== null && otherMs !== null && ownMs >= otherMs * latencyFactorMin;
  const latency = isSlow ? ` (p50 ${milliseconds(ownMs)}, the other endpoints ${milliseconds(otherMs)})` : '';
  const advice = loadPolicies.has(cluster.policy) ? '' : `, and ${cluster.policy} does not follow load`;
  return `its requests take longer${latency}${advice}`;
}

function medianP50(endpoints: readonly EndpointSample[]): number | null {
  const values = endpoints.map(({ p50Ms }) => p50Ms()).filter((value) => value !== null);
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}

/** A duration with two digits: `2.4 ms`. */
export function milliseconds(ms: number): string {
  return `${Number(ms.toPrecision(2))} ms`;
}

function count(value: number): string {
  return value < 9.95 ? String(Number(value.toFixed(1))) : value.toFixed(0);
}
