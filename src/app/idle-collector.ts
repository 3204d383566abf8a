import type { Clock, Timer } from '../core/clock.ts';

/** Between two looks, milliseconds: without a call from one to the next, nobody is there who could notice a pause. */
export const idleLookMs = 10_000;
/** What a collection has to be worth, octets: it takes about 100 ms, however little it finds. */
const unusedBytesMin = 8_388_608;

export interface IdleCollectorDeps {
  readonly clock: Clock;
  readonly calls: () => { readonly active: number; readonly ended: number };
  /** What the heap takes up beyond what is on it, octets. */
  readonly unusedBytes: () => number;
  /** Collects what there is at once, and gives its pages back to the system. */
  readonly shrinkHeap: () => void;
}

/**
 * Gives memory back when the work is over. V8 lets the heap grow under load, and has no reason to look again once nothing
 * is allocated any more: a sidecar that was busy once would hold 300 MiB for good, beside a service that could use them.
 */
export class IdleCollector {
  private readonly deps: IdleCollectorDeps;
  private timer: Timer | null = null;
  /** Calls that had ended at the last look, and whether something happened since the last collection: the start did. */
  private endedBefore = -1;
  private worked = true;

  constructor(deps: IdleCollectorDeps) {
    this.deps = deps;
  }

  start(): void {
    this.timer = this.deps.clock.after(idleLookMs, () => {
      this.start();
      this.look();
    });
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private look(): void {
    const { calls, unusedBytes, shrinkHeap } = this.deps;
    const { active, ended } = calls();
    const idle = active === 0 && ended === this.endedBefore;
    this.endedBefore = ended;
    if (!idle) this.worked = true;
    else if (this.worked && unusedBytes() >= unusedBytesMin) {
      this.worked = false;
      shrinkHeap();
    }
  }
}
