import { pluralize } from '../core/pluralize.ts';
import { busyReason, reasonOf } from './reason.ts';
import type { Verdict } from './report.ts';
import { activeMaxOverMean, type ClusterSample, type EndpointSample, shareOverWeight } from './sample.ts';

/** Fewer attempts than this say nothing of the shares. */
const picksMin = 20;
/** Ticks without a change of endpoints or weights before shares are judged. */
const ticksMin = 2;
/** A share is uneven beyond these factors, if chance does not explain it. */
const overFactorMin = 1.25;
const underFactorMax = 0.75;
/** Chance explains differences up to this many standard deviations of a random choice, */
const deviationsMin = 4;
/** and so many attempts more: of endpoints with few attempts, the normal distribution is too optimistic. */
const picksOfChance = 4;
/** Attempts in flight are uneven from this factor on, if the busiest endpoint holds at least this many. */
const activeFactorMin = 2;
const activeMin = 5;

/** A verdict with its sentence. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly text: string;
}

/** Judges how evenly a cluster is balanced. Depends on nothing but the sample. */
export function judge(cluster: ClusterSample): Judgement {
  const { endpoints, picks } = cluster;
  const unjudged = unjudgeable(cluster);
  if (unjudged !== null) return unjudged;
  const odd = mostUneven(cluster);
  if (odd !== null) return uneven(odd, cluster);
  const factor = activeMaxOverMean(endpoints);
  const busiest = endpoints.reduce((a, b) => (b.activePerWeight > a.activePerWeight ? b : a));
  if (factor !== null && factor >= activeFactorMin && busiest.active >= activeMin) {
    const text = `${busiest.endpoint} holds ${ratio(factor)} × the mean of attempts in flight because ${busyReason(busiest, cluster)}`;
    return { verdict: 'uneven', text: `uneven: ${text}` };
  }
  const factors = endpoints.map((endpoint) => shareOverWeight(endpoint, picks));
  const range = `${Math.min(...factors).toFixed(2)} to ${Math.max(...factors).toFixed(2)} × their share`;
  return {
    verdict: 'balanced',
    text: `balanced: ${endpoints.length} endpoints get ${range} of ${pluralize(picks, 'attempt')}`,
  };
}

function unjudgeable(cluster: ClusterSample): Judgement | null {
  const { endpoints, endpointCount, picks, ticks, windowMs } = cluster;
  if (endpoints.length === 0) {
    const text = endpointCount === 0 ? 'the cluster has no endpoints' : 'no endpoint is usable';
    return { verdict: 'no_endpoint', text };
  }
  if (endpoints.length === 1) {
    const text = `one endpoint, ${endpoints[0].endpoint}, gets all requests`;
    return { verdict: 'single_endpoint', text };
  }
  if (ticks < ticksMin)
    return { verdict: 'changing', text: 'endpoints or weights changed less than 2 s ago' };
  if (picks >= picksMin) return null;
  const seconds = Math.round(windowMs / 1000);
  return {
    verdict: 'too_few_requests',
    text: `too few requests to judge: ${pluralize(picks, 'attempt')} in the last ${seconds} s`,
  };
}

/** The endpoint whose attempts differ most from what its weight gives, by more than chance explains; null if there is none. */
function mostUneven({ endpoints, picks }: ClusterSample): EndpointSample | null {
  let odd: EndpointSample | null = null;
  let most = deviationsMin;
  for (const endpoint of endpoints) {
    const factor = shareOverWeight(endpoint, picks);
    const isUnder = factor <= underFactorMax && !endpoint.isInSlowStart;
    if (factor < overFactorMin && !isUnder) continue;
    const expected = picks * endpoint.share;
    const unexplained = Math.abs(endpoint.picks - expected) - picksOfChance;
    const deviations = unexplained / Math.sqrt(expected * (1 - endpoint.share));
    if (deviations < most) continue;
    odd = endpoint;
    most = deviations;
  }
  return odd;
}

function uneven(odd: EndpointSample, cluster: ClusterSample): Judgement {
  const factor = shareOverWeight(odd, cluster.picks);
  const { text, isByPolicy } = reasonOf(odd, cluster, factor > 1);
  const because = text === '' ? '; its weight, errors and latency do not explain this' : ` because ${text}`;
  return {
    verdict: isByPolicy ? 'uneven_by_policy' : 'uneven',
    text: `${isByPolicy ? 'uneven by policy' : 'uneven'}: ${odd.endpoint} gets ${ratio(factor)} × its share${because}`,
  };
}

function ratio(value: number): string {
  if (value >= 9.95) return value.toFixed(0);
  return value >= 1 ? value.toFixed(1) : value.toFixed(2);
}
