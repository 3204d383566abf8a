import type { Candidate } from './candidate.ts';

/**
 * The fast-fail trap: a replica that fails every call in 0.2 ms is never busy, so a policy that looks for the
 * least loaded gives it most of the calls (62% of them with three replicas, simulated). So consecutive failures
 * leave a phantom load behind that fades with time and is cleared by a success.
 *
 * In a row, since one failure alone says little. Where 1% of calls fail everywhere and ten sidecars share ten replicas,
 * a sidecar has no other call in flight there whose success would forgive, and shuns a good replica for seconds: with a
 * penalty for each failure the p99 at load 0.85 doubles; with one from the second consecutive one on it stays as it is. Of a
 * replica that fails every call each sidecar sees one failure more, once (`make balance-sim`).
 */
export interface FailPenaltySettings {
  /** Calls in flight that a failed attempt pretends, from the second consecutive one on; 0 switches the penalty off. */
  readonly load: number;
  /** Time constant of the fading, milliseconds. */
  readonly decayMs: number;
}

export const defaultFailPenalty: FailPenaltySettings = { load: 20, decayMs: 1000 };

/**
 * Below this a phantom load counts as none. Without the cut-off the exponential never ends, and an idle pool would
 * shun a recovered replica for half a minute over a load of a thousandth.
 */
const phantomLoadMin = 0.5;
/** What the first failure after a success leaves: too little to count, but it tells the second that it is not the first. */
const phantomLoadNoted = phantomLoadMin / 2;

export interface FailPenalty {
  /** An attempt failed in a way that says the replica did not do its work (the outlier list, not NOT_FOUND and the like). */
  penalise(endpoint: Candidate, nowMs: number): void;
  /** An attempt succeeded: whatever failed before is over. */
  forgive(endpoint: Candidate): void;
  /** What is left of the phantom load, in calls. */
  loadOf(endpoint: Candidate, nowMs: number): number;
}

export function failPenalty(settings: FailPenaltySettings = defaultFailPenalty): FailPenalty {
  const { load, decayMs } = settings;
  const loadOf = (endpoint: Candidate, nowMs: number): number => {
    const atFailure = endpoint.phantomLoad;
    if (atFailure === 0) return 0;
    const left = atFailure * Math.exp((endpoint.phantomAtMs - nowMs) / decayMs);
    return left < phantomLoadMin ? 0 : left;
  };
  return {
    loadOf,
    penalise(endpoint, nowMs) {
      // The greater of the two, never the sum: penalties that add up keep a recovered replica below a tenth of
      // its share for half a minute.
      endpoint.phantomLoad =
        endpoint.phantomLoad === 0
          ? Math.min(load, phantomLoadNoted)
          : Math.max(loadOf(endpoint, nowMs), load);
      endpoint.phantomAtMs = nowMs;
    },
    forgive(endpoint) {
      endpoint.phantomLoad = 0;
    },
  };
}
