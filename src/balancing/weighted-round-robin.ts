import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { ofThousandths, PickReason } from './pick-reason.ts';
import { type WeightedRoundRobinSettings, weightState } from './report-weight.ts';
import { StrideSchedule } from './stride-schedule.ts';

/**
 * A reported weight counts as at most this multiple of the median weight, and at least as this part of it. So a replica that lies
 * gets no more than ten times the requests of the median replica, and no less than a tenth, as long as most are honest.
 */
export const medianRatioMax = 10;

/**
 * Round robin weighted by the load that the endpoints report (gRFC A58). An endpoint without a usable weight gets the mean of the
 * others; with fewer than two weights, the configured ones count. Slow start scales either.
 */
export function weightedRoundRobin<E extends Candidate>(
  endpoints: readonly E[],
  settings: WeightedRoundRobinSettings,
  random: Random,
): Balancer<E> {
  const schedule = new StrideSchedule(endpoints.length, random);
  const weights = new Float64Array(endpoints.length);
  let weighedAtMs = Number.NEGATIVE_INFINITY;
  /** The index of the latest pick. */
  let latest = 0;
  let byReports = false;

  function weigh(nowMs: number): void {
    weighedAtMs = nowMs;
    byReports = weighByReports(endpoints, settings, nowMs, weights);
    if (!byReports) for (let i = 0; i < endpoints.length; i++) weights[i] = endpoints[i].weight;
    schedule.setWeights(weights, byReports);
  }

  return {
    endpoints,
    pick(nowMs, excluded) {
      if (excluded !== null && !hasOther(endpoints, excluded)) return null;
      if (endpoints.length === 0) return null;
      if (nowMs - weighedAtMs >= settings.weightUpdatePeriodMs) weigh(nowMs);
      do latest = schedule.next();
      while (excluded?.has(endpoints[latest]));
      return endpoints[latest];
    },
    explain(picked, nowMs) {
      const { report } = picked;
      const share = schedule.shareOf(latest) * 100;
      const state = byReports ? weightState(report, settings, nowMs) : 'none';
      if (!byReports || state !== 'used' || report === null)
        return new PickReason(words, byReports ? variants[state] : variants.fallback, picked, share, 0);
      const ageMs = nowMs - report.weightAtMs;
      return new PickReason(
        words,
        variants.used,
        picked,
        share,
        report.utilization,
        null,
        ageMs,
        report.requestsPerSecond,
      );
    },
  };
}

/** Fills in the weights by reports, 0 for unknown; false where fewer than two are known. */
function weighByReports(
  endpoints: readonly Candidate[],
  settings: WeightedRoundRobinSettings,
  nowMs: number,
  weights: Float64Array,
): boolean {
  let known = 0;
  for (let i = 0; i < endpoints.length; i++) {
    const { report } = endpoints[i];
    const state = weightState(report, settings, nowMs);
    // When reports come again, the blackout period begins again.
    if (state === 'expired') report!.interrupted();
    weights[i] = state === 'used' ? report!.weight : 0;
    if (weights[i] > 0) known++;
  }
  if (known < 2) return false;
  const median = lowerMedian(weights, known);
  const most = median * medianRatioMax;
  const least = median / medianRatioMax;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] > 0) weights[i] = Math.min(most, Math.max(least, weights[i]));
    sum += weights[i];
  }
  for (let i = 0; i < endpoints.length; i++) {
    const { weight, configuredWeight } = endpoints[i];
    if (weights[i] === 0) weights[i] = sum / known;
    weights[i] *= weight / configuredWeight;
  }
  return true;
}

/** The median of the `known` weights above 0; the lower one of two, which a single liar cannot raise. */
function lowerMedian(weights: Float64Array, known: number): number {
  const sorted = weights.toSorted();
  return sorted[sorted.length - known + ((known - 1) >> 1)];
}

function hasOther<E>(endpoints: readonly E[], excluded: ReadonlySet<E>): boolean {
  for (let i = 0; i < endpoints.length; i++) if (!excluded.has(endpoints[i])) return true;
  return false;
}

/** Which case it was. */
const variants = { used: 0, none: 1, expired: 2, blackout: 3, fallback: 4 } as const;
const reasons = [
  '',
  'it reported no load',
  'its load report is too old',
  'it has not reported for long enough',
];

const words = (reason: PickReason): string => {
  const { address, variant, weight, value, otherWeight, otherValue } = reason;
  const share = `${address} was next in the weighted round robin, with ${(weight / 1000).toFixed(1)}% of the picks`;
  if (variant === variants.used)
    return `${share} by its load report, ${ofThousandths(Math.round(otherWeight / 1000) * 1000)} ms old (utilization ${ofThousandths(value)}, ${ofThousandths(otherValue)} requests per second)`;
  if (variant === variants.fallback)
    return `${share} by its configured weight, since fewer than two endpoints have reported their load`;
  return `${share}, the mean of the others, since ${reasons[variant]}`;
};
