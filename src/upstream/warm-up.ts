import type { Clock, Timer } from '../core/clock.ts';

/** How long calls may wait for a cluster's first answers, milliseconds; after it they fail with the reason. */
export const warmUpMsMax = 5000;

/**
 * The first moments of a cluster, when discovery or the first probes have not answered: nobody is known to be unfit,
 * and nobody to be fit. Calls that come then wait instead of failing, so that a sidecar may start with its service.
 */
export class WarmUp {
  private readonly waiting = new Set<() => void>();
  private readonly timer: Timer;
  private over = false;

  constructor(clock: Clock) {
    this.timer = clock.after(warmUpMsMax, () => this.end());
  }

  /** False once the cluster knows whom to ask, or should. */
  get lasts(): boolean {
    return !this.over;
  }

  /** Calls `resume` when it is over; what is returned takes that back. */
  wait(resume: () => void): () => void {
    this.waiting.add(resume);
    return () => this.waiting.delete(resume);
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.timer.cancel();
    for (const resume of this.waiting) resume();
    this.waiting.clear();
  }
}
