import { DurationCounts } from '../core/duration-counts.ts';
import type { Tally } from '../core/ending.ts';

/**
 * Bounds of the duration of an attempt, seconds. Few, because each is a line of every scrape for each endpoint: with seven of
 * them 1,000 endpoints are 10,000 lines. `rpc.client.call.duration` has the finer ones, per method.
 */
export const attemptBoundsSeconds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10] as const;

/** Endpoints of all clusters together that have series of their own; those beyond share one per cluster, `other`. */
export const endpointSeriesMax = 1000;

/** What metrics show of the attempts at one endpoint, or at all those of a cluster that have no series of their own. */
export class EndpointSeries {
  /** Several endpoints count here. */
  readonly isShared: boolean;
  success = 0;
  error = 0;
  other = 0;
  readonly durations = new DurationCounts(attemptBoundsSeconds);
  /** Clusters or endpoints that hold it. */
  holders = 0;

  constructor(isShared: boolean) {
    this.isShared = isShared;
  }

  /** An attempt ended. */
  record(tally: Tally, durationMs: number): void {
    if (tally === 'ok') this.success++;
    else if (tally === 'error') this.error++;
    else this.other++;
    this.durations.record(durationMs);
  }
}

/**
 * The series of the process. An endpoint gets one when it joins and gives it back when it leaves: only then has another room. A
 * cluster that a reload builds anew has the same series as the one before, so that counters go on.
 */
export class EndpointSeriesTable {
  private readonly own = new Map<string, EndpointSeries>();
  private readonly shared = new Map<string, EndpointSeries>();
  private readonly seriesMax: number;

  constructor(seriesMax = endpointSeriesMax) {
    this.seriesMax = seriesMax;
  }

  /** To be given back by `release`. */
  acquire(cluster: string, address: string): EndpointSeries {
    const key = keyOf(cluster, address);
    const known = this.own.get(key);
    const series = known ?? (this.own.size < this.seriesMax ? this.add(key) : this.sharedBy(cluster));
    series.holders++;
    return series;
  }

  release(cluster: string, address: string, series: EndpointSeries): void {
    if (--series.holders > 0) return;
    if (series.isShared) this.shared.delete(cluster);
    else this.own.delete(keyOf(cluster, address));
  }

  private add(key: string): EndpointSeries {
    const series = new EndpointSeries(false);
    this.own.set(key, series);
    return series;
  }

  private sharedBy(cluster: string): EndpointSeries {
    let series = this.shared.get(cluster);
    if (series === undefined) {
      series = new EndpointSeries(true);
      this.shared.set(cluster, series);
    }
    return series;
  }
}

/** Names of clusters have no line feed. */
function keyOf(cluster: string, address: string): string {
  return `${cluster}\n${address}`;
}
