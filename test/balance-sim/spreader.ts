import type { Clock } from '../../src/core/clock.ts';
import type { Random } from '../../src/core/random.ts';
import type { Zones } from './scenario.ts';

/** What a sidecar knows of a call that came back. */
export interface Reply {
  readonly call: number;
  readonly replica: number;
  readonly failed: boolean;
  /** From the pick on. */
  readonly latencyMs: number;
  readonly nowMs: number;
  /** Null where the reply carried none. */
  readonly report: ReplicaReport | null;
}

/** What a reply reports of its replica, as of when it left. */
export interface ReplicaReport {
  /** Calls there, over all sidecars, without the one that this reply ends. */
  readonly inFlight: number;
  /** Average time from the arrival of a call to its reply. */
  readonly latencyMs: number;
  /** Share of its workers that had work, and calls that it ended in a second, over about the last second. */
  readonly utilization: number;
  readonly requestsPerSecond: number;
}

/** What spreads the calls of one sidecar over replicas, which are numbers from 0 on. */
export interface Spreader {
  /**
   * The replica for a call, which counts as in flight there from now on; -1 if there is none.
   *
   * @param key what ties it to other calls, '' for nothing
   * @param call its number
   */
  pick(nowMs: number, key: string, call: number): number;
  /** A call came back. */
  settle(reply: Reply): void;
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
  /** Of each replica, 1 as a rule; for policies that know everything. */
  readonly speeds: readonly number[];
  /** One way, within a zone. */
  readonly networkMs: number;
  readonly zones: Zones | null;
  /** What a replica would report at this moment, for policies that probe. */
  readonly loadOf: (replica: number) => ReplicaReport;
}

/** A way to spread calls; makes one spreader per sidecar, so that they may know of each other (or everything). */
export interface Policy {
  readonly name: string;
  build(deps: SpreaderDeps): Spreader[];
}
