import type { Candidate } from './candidate.ts';

/**
 * The fast-fail trap: a replica that fails every call in 0.2 ms is never busy, so a policy that looks for the
 * least loaded gives it most of the calls (62% of them with three replicas, simulated). So a failed attempt
 * leaves a phantom load behind that fades with time and is cleared by a success.
 */
export interface FailPenaltySettings {
  /** Calls in flight that a failed attempt pretends; 0 switches the penalty off. Use 5 where 5% of calls fail as ordinary answers. */
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
      endpoint.phantomLoad = Math.max(loadOf(endpoint, nowMs), load);
      endpoint.phantomAtMs = nowMs;
    },
    forgive(endpoint) {
      endpoint.phantomLoad = 0;
    },
  };
}
