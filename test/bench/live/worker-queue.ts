import type { Trouble } from '../../balance-sim/scenario.ts';

/** When a call is done, and whether it fails. */
export interface Served {
  readonly doneMs: number;
  readonly failed: boolean;
}

/**
 * The workers of a replica, first come first served, as `Replica` of the simulator has them. Work is known when a call arrives, so its
 * end is too. A worker takes its next call when the last one should have ended, not when a timer noticed: late timers do not
 * lower the capacity.
 */
export class WorkerQueue {
  /** When each worker is free. */
  private readonly freeMs: Float64Array;
  private readonly troubles: readonly Trouble[];

  /** @param troubles of this replica alone */
  constructor(workers: number, troubles: readonly Trouble[]) {
    this.freeMs = new Float64Array(workers);
    this.troubles = troubles;
  }

  /** Takes a call that arrives now and needs so much work. Every call of a failing replica fails. */
  take(nowMs: number, workMs: number): Served {
    let first = 0;
    for (let i = 1; i < this.freeMs.length; i++) if (this.freeMs[i] < this.freeMs[first]) first = i;
    const beginsMs = Math.max(nowMs, this.freeMs[first]);
    const trouble = this.troubles.find(({ fromMs, untilMs }) => beginsMs >= fromMs && beginsMs < untilMs);
    const failed = trouble?.kind === 'failing';
    let lastsMs = workMs;
    if (trouble?.kind === 'slow') lastsMs *= trouble.factor;
    else if (trouble?.kind === 'failing') lastsMs = trouble.afterMs;
    this.freeMs[first] = beginsMs + lastsMs;
    return { doneMs: this.freeMs[first], failed };
  }
}
