import type { Candidate } from './candidate.ts';
import type { FailPenalty } from './fail-penalty.ts';
import type { PeakEwmaSettings } from './latency.ts';

/**
 * How loaded an endpoint is, per unit of weight; lower is better. What load means and how the least loaded is
 * found (`least-loaded.ts`) are two separate questions, so that latency or load reports come in here alone.
 *
 * The load is put into `load[0]` and not returned: where clusters have different policies the engine cannot inline the
 * call, and a fraction that a call returns is allocated (16 bytes for each endpoint compared).
 */
export type LoadMetric = (endpoint: Candidate, nowMs: number, load: Float64Array) => void;

/**
 * Own calls in flight plus the phantom load of failures, over the weight. `active / weight` and not
 * `(active + 1) / weight`: where many sidecars share mostly idle replicas the latter sends nearly every call to the
 * heaviest (simulated p99 49 ms against 13 to 17).
 *
 * @param bias exponent on the load: above 1 a busy endpoint is shunned more than its weight says, below 1 less
 */
export function inFlightPerWeight(penalty: FailPenalty, bias: number): LoadMetric {
  if (bias === 1)
    return (endpoint, nowMs, load) => {
      load[0] = (endpoint.active + penalty.loadOf(endpoint, nowMs)) / endpoint.weight;
    };
  return (endpoint, nowMs, load) => {
    load[0] = (endpoint.active + penalty.loadOf(endpoint, nowMs)) ** bias / endpoint.weight;
  };
}

/** What a further call would have to wait for: the estimated latency times the calls that share the endpoint with it. */
export function expectedWaitPerWeight(
  penalty: FailPenalty,
  { decayMs, initialMs }: PeakEwmaSettings,
): LoadMetric {
  return (endpoint, nowMs, load) => {
    // `peakEwma().estimateMs`, written out for the same reason.
    const old = Math.exp((endpoint.latencyAtMs - nowMs) / decayMs);
    const latencyMs = endpoint.latencyMs === 0 ? initialMs : endpoint.latencyMs;
    load[0] = (latencyMs * old * (endpoint.active + penalty.loadOf(endpoint, nowMs) + 1)) / endpoint.weight;
  };
}

/** Only an endpoint this many times slower than the mean of all is guarded against. */
const slowRatioMin = 2;
/** Time constant with which the guard forgives an endpoint of which nothing is heard, milliseconds. */
const slowMemoryMs = 500;
/** A guard that adds less than this part of the load is dropped: it would only disturb ties. */
const slowExcessMin = 0.25;
/** How long a mean over all endpoints will do, milliseconds: with hundreds of them it costs more than the pick. */
const meanMsMax = 1;

/**
 * The load of an endpoint that is much slower than the others, multiplied by how much slower, less so the longer ago
 * it was heard of. Counts in flight see a slow replica only once calls have piled up on it; this sees it after a few
 * answers.
 */
export function slowGuarded(metric: LoadMetric, endpoints: readonly Candidate[]): LoadMetric {
  let meanMs = 0;
  let meanAtMs = Number.NEGATIVE_INFINITY;
  return (endpoint, nowMs, load) => {
    metric(endpoint, nowMs, load);
    if (load[0] === 0 || endpoint.latencyMs === 0) return;
    if (nowMs - meanAtMs >= meanMsMax) {
      meanMs = meanLatencyMs(endpoints);
      meanAtMs = nowMs;
    }
    const ratio = endpoint.latencyMs / meanMs;
    if (!(ratio > slowRatioMin)) return;
    const excess = (ratio - 1) * Math.exp((endpoint.latencyAtMs - nowMs) / slowMemoryMs);
    if (excess >= slowExcessMin) load[0] *= 1 + excess;
  };
}

/** Returns the mean over the endpoints that have answered, of which there is one at the least. */
function meanLatencyMs(endpoints: readonly Candidate[]): number {
  let sumMs = 0;
  let count = 0;
  for (let i = 0; i < endpoints.length; i++) {
    const { latencyMs } = endpoints[i];
    if (latencyMs === 0) continue;
    sumMs += latencyMs;
    count++;
  }
  return sumMs / count;
}
