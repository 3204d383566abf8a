import type { Clock } from '../../src/core/clock.ts';
import type { Random } from '../../src/core/random.ts';

/** What spreads the calls of one sidecar over replicas, which are numbers from 0 on. */
export interface Spreader {
  /**
   * The replica for a call, which counts as in flight there from now on; -1 if there is none.
   *
   * @param key what ties it to other calls, '' for nothing
   */
  pick(nowMs: number, key: string): number;
  /** A call came back. */
  settle(replica: number, failed: boolean, latencyMs: number, nowMs: number): void;
  /** Discovery tells of the replicas that there are now. */
  discover(replicas: readonly number[]): void;
  /** Cancels its timers. */
  stop(): void;
}

export interface SpreaderDeps {
  readonly sidecars: number;
  readonly replicas: number;
  readonly clock: Clock;
  /** A generator of its own for each. */
  readonly random: () => Random;
}

/** A way to spread calls; makes one spreader per sidecar, so that they may know of each other (or everything). */
export interface Policy {
  readonly name: string;
  build(deps: SpreaderDeps): Spreader[];
}
