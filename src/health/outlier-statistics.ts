/** Ejection by comparison: of what each endpoint did in one interval, who stands out. Pure; `outlier.ts` acts on it. */

export interface SuccessRateSettings {
  /** Ejected is who succeeds less often than the mean less this many standard deviations. */
  readonly stdevFactor: number;
  /** With fewer endpoints that had enough calls a mean says nothing. */
  readonly minEndpoints: number;
  /** Calls of an endpoint in one interval, below which it is not judged. */
  readonly minCalls: number;
}

export interface FailurePercentageSettings {
  /** Ejected is who fails this many of a hundred calls, or more. */
  readonly threshold: number;
  readonly minEndpoints: number;
  readonly minCalls: number;
}

/** What one endpoint did in one interval. */
export interface Tally {
  readonly calls: number;
  readonly failures: number;
  /** Failures that the requests may have caused; not among `failures`. */
  readonly unclearFailures: number;
}

export interface RateSettings {
  readonly successRate: SuccessRateSettings | null;
  readonly failurePercentage: FailurePercentageSettings | null;
  /** Clients can choose the endpoint, by a key, a cookie or its turn: one of them can send all its bad requests to the same. No if not given. */
  readonly clientsChoose?: boolean;
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
  { successRate, failurePercentage, clientsChoose = false }: RateSettings,
): RateOutlier<T>[] {
  const all = [...tallies];
  const baseline = baselineShare(all);
  const judged = all.map((who) =>
    judge(who, clientsChoose && hasSuccess(who) ? Number.POSITIVE_INFINITY : baseline),
  );
  const found = new Map<T, RateOutlier<T>>();
  for (const outlier of failurePercentage === null ? [] : byPercentage(judged, failurePercentage))
    found.set(outlier.who, outlier);
  for (const outlier of successRate === null ? [] : bySuccessRate(judged, successRate))
    if (!found.has(outlier.who)) found.set(outlier.who, outlier);
  const shares = new Map(judged.map(({ who, share }) => [who, share]));
  return [...found.values()].sort((a, b) => shares.get(b.who)! - shares.get(a.who)!);
}

/** An endpoint with the failures that count against it. */
interface Judged<T extends Tally> {
  readonly who: T;
  readonly calls: number;
  readonly failures: number;
  readonly share: number;
}

/** Where clients choose the endpoint, a success shows that it works, and that others choose badly. */
function hasSuccess({ calls, failures, unclearFailures }: Tally): boolean {
  return calls > failures + unclearFailures;
}

/**
 * Of the failures that requests may have caused, those count that are more than twice what is usual in the cluster: a client
 * whose requests no replica takes spreads its failures over all of them.
 */
function judge<T extends Tally>(who: T, baseline: number): Judged<T> {
  const { calls } = who;
  const unusual = calls === 0 ? 0 : Math.max(0, Math.floor(who.unclearFailures - 2 * baseline * calls));
  const failures = who.failures + unusual;
  return { who, calls, failures, share: failures / calls };
}

/** The median share of unclear failures: of an even number of endpoints the lower one, so that one of two can stand out. */
function baselineShare(all: readonly Tally[]): number {
  const shares = all
    .filter(({ calls }) => calls > 0)
    .map(({ calls, unclearFailures }) => unclearFailures / calls)
    .sort((a, b) => a - b);
  // A single endpoint is its own median: none of its unclear failures counts.
  return shares[(shares.length - 1) >> 1];
}

/** Those with enough calls; none where they are too few to compare. */
function eligible<T extends Tally>(
  all: ReadonlyArray<Judged<T>>,
  { minCalls, minEndpoints }: { readonly minCalls: number; readonly minEndpoints: number },
): Array<Judged<T>> {
  const enough = all.filter(({ calls }) => calls > 0 && calls >= minCalls);
  return enough.length >= minEndpoints ? enough : [];
}

function byPercentage<T extends Tally>(
  all: ReadonlyArray<Judged<T>>,
  settings: FailurePercentageSettings,
): RateOutlier<T>[] {
  return eligible(all, settings)
    .filter(({ failures, share }) => failures >= failuresMin && share * 100 >= settings.threshold)
    .map(({ who, calls, failures, share }) => ({
      who,
      rule: 'failure percentage',
      why: `${failures} of its ${calls} calls failed, ${percent(share)}, and ${settings.threshold}% is the limit`,
    }));
}

function bySuccessRate<T extends Tally>(
  all: ReadonlyArray<Judged<T>>,
  settings: SuccessRateSettings,
): RateOutlier<T>[] {
  const compared = eligible(all, settings);
  const rates = compared.map(({ share }) => 1 - share);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const least = mean - settings.stdevFactor * Math.sqrt(variance);
  return compared
    .filter(({ failures }, i) => failures >= failuresMin && rates[i] < least)
    .map(({ who, calls, share }) => ({
      who,
      rule: 'success rate',
      why: `${percent(1 - share)} of its ${calls} calls succeeded, against ${percent(mean)} on average and ${percent(Math.max(0, least))} at the least`,
    }));
}
