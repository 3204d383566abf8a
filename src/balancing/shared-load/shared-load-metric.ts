import type { Candidate } from '../candidate.ts';
import type { FailPenalty } from '../fail-penalty.ts';
import type { LoadMetric } from '../load-metric.ts';
import { EndpointSpeed } from './endpoint-speed.ts';
import { byOwnCounts, byReport, notJudged, type PickBasis } from './report-guard.ts';
import { forgiveMs, type SharedLoad } from './shared-load.ts';

/** Time constant with which a report counts less, milliseconds, and the table of it. */
const freshMs = 20;
const freshSteps = 256;
const stepsPerMs = 2;
const freshness = Float64Array.from({ length: freshSteps }, (_, i) =>
  i === freshSteps - 1 ? 0 : Math.exp(-(i + 0.5) / stepsPerMs / freshMs),
);
/** Reports older than this are no part of the mean over the replicas, milliseconds. */
const meanAgeMaxMs = 10_000;
/** A report is ignored that says more than `16 × (mean + 2) + 64` requests of others. */
const outlandishMeans = 16;
const outlandishBase = 64;
/** A report decided a pick if it made the load this much lower, in requests. */
const decisive = -0.25;
/** An estimate of latency counts half with so many replies behind it. */
const samplesHalf = 2;
/** A latency counts in the mean as at most this many means, so that one slow endpoint does not make the others fast. */
const meanRatioMax = 2;
/** An endpoint is taken to be no faster than this part of the mean. */
const ratioMin = 0.5;
/**
 * An endpoint that has had no pick for so many turns is tried: what is not asked does not report, and would be taken for average
 * for ever, while others tell now and then that they are better. Rarely if its latest reply was slow.
 */
const turnsMax = 24;
const slowTurnsMax = 100;
/** Weight of a pick in the average time between two, and the most that a pause counts as, milliseconds. */
const gapAlpha = 1 / 64;
const gapMaxMs = 1000;
/** How often the means are made anew, milliseconds; they cost as much as some picks. */
const refreshMs = 1;
const refreshManyMs = 5;
const many = 32;

/**
 * Load of an endpoint for `least_request`, with what replicas report:
 *
 * `speed × ((own + phantom + deviation) / weight + mean + 1)`
 *
 * `mean` is the interquartile mean of the requests that others have in flight at a replica. `deviation` is how far the latest report
 * of this one is from that, less so the older it is. A report counts for one pick: every sidecar that heard it would send its next
 * request there, and not only the next. `speed` compares the latency of replies with that of all endpoints, for replicas that are
 * slower for long.
 */
export class SharedLoadMetric<E extends Candidate> {
  private readonly shared: SharedLoad;
  private readonly endpoints: readonly E[];
  private readonly penalty: FailPenalty;
  private readonly meanWeight: number;
  private readonly sorted: Float64Array;
  private refreshedAtMs = Number.NEGATIVE_INFINITY;
  /** Requests of others per endpoint of mean weight. */
  private mean = 0;
  private trusts = true;
  private gapMs = 0;
  private pickedAtMs = Number.NEGATIVE_INFINITY;

  constructor(shared: SharedLoad, endpoints: readonly E[], penalty: FailPenalty) {
    this.shared = shared;
    this.endpoints = endpoints;
    this.penalty = penalty;
    this.meanWeight = endpoints.reduce((sum, { weight }) => sum + weight, 0) / Math.max(1, endpoints.length);
    this.sorted = new Float64Array(endpoints.length);
  }

  readonly load: LoadMetric = (endpoint, nowMs, load) => {
    const weight = endpoint.weight / this.meanWeight;
    const queue = endpoint.active + this.penalty.loadOf(endpoint, nowMs) + this.deviation(endpoint, nowMs);
    load[0] = endpoint.speed!.factor * (queue / weight + this.mean + 1);
  };

  /** To be called before the endpoints are compared for a pick. */
  begin(nowMs: number): void {
    if (nowMs - this.refreshedAtMs >= (this.endpoints.length > many ? refreshManyMs : refreshMs))
      this.refresh(nowMs);
  }

  /** Notes who was picked. Returns what decided. */
  picked(endpoint: E, nowMs: number): PickBasis {
    const basis = this.basisOf(endpoint, nowMs);
    endpoint.speed!.pickedAtMs = nowMs;
    if (endpoint.report !== null) endpoint.report.used = true;
    const gapMs = Math.min(gapMaxMs, nowMs - this.pickedAtMs);
    if (this.gapMs === 0) this.gapMs = this.pickedAtMs > 0 ? gapMs : 0;
    else this.gapMs += gapAlpha * (gapMs - this.gapMs);
    this.pickedAtMs = nowMs;
    return basis;
  }

  private basisOf(endpoint: E, nowMs: number): PickBasis {
    if (!this.trusts) return byOwnCounts;
    if (this.isForgotten(endpoint.speed!, nowMs)) return notJudged;
    return this.deviation(endpoint, nowMs) < decisive ? byReport : byOwnCounts;
  }

  /** How many requests more or less than the mean are at the endpoint, as far as is known. */
  private deviation({ report, speed, weight, phantomLoad }: Candidate, nowMs: number): number {
    if (!this.trusts) return 0;
    const expected = (this.mean * weight) / this.meanWeight;
    // What fails quickly has few requests in flight.
    if (phantomLoad !== 0) return 0;
    if (this.isForgotten(speed!, nowMs)) return -expected;
    if (report === null || report.used || report.others < 0) return 0;
    const { others, atMs } = report;
    if (others > outlandishMeans * (expected + 2) + outlandishBase) return 0;
    // A pick may have read the clock before the report came.
    const step = Math.max(0, Math.min(freshSteps - 1, Math.trunc((nowMs - atMs) * stepsPerMs)));
    return (others - expected) * freshness[step];
  }

  /** It has had no pick for too many turns. */
  private isForgotten({ isSlow, pickedAtMs }: EndpointSpeed, nowMs: number): boolean {
    const turns = isSlow ? slowTurnsMax : turnsMax;
    return nowMs - pickedAtMs > turns * this.endpoints.length * this.gapMs;
  }

  private refresh(nowMs: number): void {
    this.refreshedAtMs = nowMs;
    this.trusts = this.shared.guard.trusts(nowMs);
    this.mean = this.meanOthers(nowMs);
    this.shared.meanLatencyMs = this.meanLatency();
    for (let i = 0; i < this.endpoints.length; i++) {
      const endpoint = this.endpoints[i];
      endpoint.speed ??= new EndpointSpeed(nowMs);
      endpoint.speed.factor = speedFactor(endpoint, endpoint.speed, this.shared.meanLatencyMs, nowMs);
    }
  }

  /** The interquartile mean of the requests of others, per weight. */
  private meanOthers(nowMs: number): number {
    const { endpoints, sorted, meanWeight } = this;
    let count = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const { report, weight } = endpoints[i];
      const counts = report !== null && report.others >= 0 && nowMs - report.atMs < meanAgeMaxMs;
      sorted[i] = counts ? (report.others * meanWeight) / weight : Number.POSITIVE_INFINITY;
      if (counts) count++;
    }
    if (count === 0) return 0;
    sorted.sort();
    const low = Math.floor(count / 4);
    let sum = 0;
    for (let i = low; i < count - low; i++) sum += sorted[i];
    return sum / (count - 2 * low);
  }

  private meanLatency(): number {
    const { endpoints } = this;
    const before = this.shared.meanLatencyMs;
    const most = before === 0 ? Number.POSITIVE_INFINITY : meanRatioMax * before;
    let sumMs = 0;
    let count = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const { latencyMs } = endpoints[i];
      if (latencyMs === 0) continue;
      sumMs += Math.min(latencyMs, most);
      count++;
    }
    return count === 0 ? 0 : sumMs / count;
  }
}

/** What the load of an endpoint is multiplied by, by how its latency compares with the mean. */
function speedFactor(endpoint: Candidate, speed: EndpointSpeed, meanMs: number, nowMs: number): number {
  if (endpoint.latencyMs === 0 || meanMs === 0) return 1;
  let ratio = Math.max(ratioMin, endpoint.latencyMs / meanMs);
  if (ratio > 1) ratio = 1 + (ratio - 1) * Math.exp((endpoint.latencyAtMs - nowMs) / forgiveMs);
  const samples = speed.samplesNow(nowMs);
  return Math.sqrt(1 + ((ratio - 1) * samples) / (samples + samplesHalf));
}
