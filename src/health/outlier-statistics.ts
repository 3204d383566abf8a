/** Ejection by comparison: of what each endpoint did in one interval, who stands out. Pure; `outlier.ts` acts on it. */

export interface SuccessRateSettings {
  /** Ejected is who succeeds less often than the mean less so many standard deviations. */
  readonly stdevFactor: number;
  /** With fewer endpoints that had enough calls a mean says nothing. */
  readonly minEndpoints: number;
  /** Calls of an endpoint in one interval, from which on it is looked at. */
  readonly minCalls: number;
}

export interface FailurePercentageSettings {
  /** Ejected is who fails so many of a hundred calls, or more. */
  readonly threshold: number;
  readonly minEndpoints: number;
  readonly minCalls: number;
}

/** What one endpoint did in one interval. */
export interface Tally {
  readonly calls: number;
  readonly failures: number;
}

export interface RateSettings {
  readonly successRate: SuccessRateSettings | null;
  readonly failurePercentage: FailurePercentageSettings | null;
}

export interface RateOutlier<T extends Tally> {
  readonly who: T;
  readonly rule: 'success rate' | 'failure percentage';
  /** In plain words, with the figures. */
  readonly why: string;
}

/**
 * Fewer failures than this in an interval never eject. Where four of five endpoints are perfect, a single failure in a
 * hundred calls of the fifth is two standard deviations from the mean.
 */
const failuresMin = 5;

const percent = (share: number): string => `${Number((share * 100).toFixed(1))}%`;

/** Who is to be ejected, the worst first (Envoy's success rate and failure percentage, gRFC A50). */
export function rateOutliers<T extends Tally>(
  tallies: Iterable<T>,
  { successRate, failurePercentage }: RateSettings,
): RateOutlier<T>[] {
  const all = [...tallies];
  const found = new Map<T, RateOutlier<T>>();
  for (const outlier of failurePercentage === null ? [] : byPercentage(all, failurePercentage))
    found.set(outlier.who, outlier);
  for (const outlier of successRate === null ? [] : bySuccessRate(all, successRate))
    if (!found.has(outlier.who)) found.set(outlier.who, outlier);
  return [...found.values()].sort((a, b) => failureShare(b.who) - failureShare(a.who));
}

const failureShare = ({ calls, failures }: Tally): number => failures / calls;

/** Those with enough calls; none where they are too few to compare. */
function eligible<T extends Tally>(
  all: readonly T[],
  { minCalls, minEndpoints }: { readonly minCalls: number; readonly minEndpoints: number },
): T[] {
  const enough = all.filter(({ calls }) => calls > 0 && calls >= minCalls);
  return enough.length >= minEndpoints ? enough : [];
}

function byPercentage<T extends Tally>(
  all: readonly T[],
  settings: FailurePercentageSettings,
): RateOutlier<T>[] {
  return eligible(all, settings)
    .filter((who) => who.failures >= failuresMin && failureShare(who) * 100 >= settings.threshold)
    .map((who) => ({
      who,
      rule: 'failure percentage',
      why: `${who.failures} of its ${who.calls} calls failed, ${percent(failureShare(who))}, and ${settings.threshold}% is the limit`,
    }));
}

function bySuccessRate<T extends Tally>(all: readonly T[], settings: SuccessRateSettings): RateOutlier<T>[] {
  const compared = eligible(all, settings);
  if (compared.length === 0) return [];
  const rates = compared.map((who) => 1 - failureShare(who));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const least = mean - settings.stdevFactor * Math.sqrt(variance);
  return compared
    .filter((who, i) => who.failures >= failuresMin && rates[i] < least)
    .map((who) => ({
      who,
      rule: 'success rate',
      why: `${percent(1 - failureShare(who))} of its ${who.calls} calls succeeded, against ${percent(mean)} on average and ${percent(Math.max(0, least))} at the least`,
    }));
}
