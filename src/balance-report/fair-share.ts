import { DurationCounts } from '../core/duration-counts.ts';
import type { EndpointFacts } from './facts.ts';

/** Bounds of the time to fair share, seconds. */
export const fairShareBoundsSeconds = [1, 2, 5, 10, 20, 30, 60, 120, 300] as const;
/** An endpoint has its fair share from this part of it on: the rest is noise. */
const fairPartMin = 0.8;
/** Attempts that an endpoint should have got before its share is judged. */
const expectedPicksMin = 20;
/** An endpoint that has not got its share in this time is counted as missed, milliseconds. */
export const fairShareTimeoutMs = 300_000;

interface Join {
  readonly usableSinceMs: number;
  /** Counters at the start of the attempts that are judged. */
  picks: number;
  clusterPicks: number;
}

/**
 * Measures the time to fair share: from the moment an endpoint becomes usable beside others until it gets at least 80% of its
 * share by its configured weight. Slow start is part of that time.
 */
export class FairShare {
  /** Endpoints that got their share. */
  readonly durations = new DurationCounts(fairShareBoundsSeconds);
  /** Endpoints that did not get it in `fairShareTimeoutMs`. */
  missed = 0;
  /** Milliseconds that the last endpoint took; null if there was none. */
  lastMs: number | null = null;
  private readonly joins = new Map<string, Join>();

  /** An endpoint became usable while others were. `clusterPicks` are the attempts of the cluster so far. */
  begin(endpoint: EndpointFacts, clusterPicks: number): void {
    const { address, usableSinceMs, picks } = endpoint;
    if (usableSinceMs !== null) this.joins.set(address, { usableSinceMs, picks, clusterPicks });
  }

  /** The endpoint is gone or unusable: there is nothing left to measure. */
  end(address: string): void {
    this.joins.delete(address);
  }

  /** Judges an endpoint; costs one lookup if it is not measured. */
  judge(endpoint: EndpointFacts, clusterPicks: number, nowMs: number): void {
    const join = this.joins.get(endpoint.address);
    if (join === undefined) return;
    const sinceMs = nowMs - join.usableSinceMs;
    const expected = Math.max(0, clusterPicks - join.clusterPicks) * configuredShare(endpoint);
    const hasShare = endpoint.picks - join.picks >= expected * fairPartMin;
    if (expected >= expectedPicksMin && hasShare) {
      this.durations.record(sinceMs);
      this.lastMs = sinceMs;
      this.joins.delete(endpoint.address);
    } else if (sinceMs >= fairShareTimeoutMs) {
      this.missed++;
      this.joins.delete(endpoint.address);
    } else if (expected >= expectedPicksMin) {
      // Attempts of the first seconds would hide that it has its share by now.
      join.picks = endpoint.picks;
      join.clusterPicks = clusterPicks;
    }
  }

  /** Milliseconds since each endpoint that is measured became usable, by address. */
  waiting(nowMs: number): Array<{ readonly endpoint: string; readonly sinceMs: number }> {
    return [...this.joins].map(([endpoint, { usableSinceMs }]) => ({
      endpoint,
      sinceMs: nowMs - usableSinceMs,
    }));
  }
}

/** The share that an endpoint will have when slow start is over. */
function configuredShare({ share, weight, effectiveWeight }: EndpointFacts): number {
  if (effectiveWeight >= weight || effectiveWeight <= 0) return share;
  const grown = (share * weight) / effectiveWeight;
  return grown / (grown + 1 - share);
}
