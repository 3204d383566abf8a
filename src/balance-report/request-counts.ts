import type { RequestCount } from './facts.ts';

class Counts implements RequestCount {
  requests = 0;
  attempts = 0;
}

const none: RequestCount = new Counts();

/**
 * Counts requests and their attempts by cluster, for the retry amplification. Costs two additions for each request; names of
 * clusters come from the configuration, so their number is bounded.
 */
export class RequestCounts {
  private readonly byCluster = new Map<string, Counts>();
  // Most requests go to the cluster of the one before.
  private lastName = '';
  private last: Counts | null = null;

  /** Adds a request that ended. One without an attempt says nothing of retries. */
  add(cluster: string, attempts: number): void {
    if (attempts === 0) return;
    const counts = this.last !== null && this.lastName === cluster ? this.last : this.countsOf(cluster);
    counts.requests++;
    counts.attempts += attempts;
  }

  of(cluster: string): RequestCount {
    return this.byCluster.get(cluster) ?? none;
  }

  private countsOf(cluster: string): Counts {
    let counts = this.byCluster.get(cluster);
    if (counts === undefined) {
      counts = new Counts();
      this.byCluster.set(cluster, counts);
    }
    this.lastName = cluster;
    this.last = counts;
    return counts;
  }
}
