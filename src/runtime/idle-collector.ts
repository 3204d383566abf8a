import type { Clock, Timer } from '../core/clock.ts';
import { repeat } from '../core/repeat.ts';
import type { MemoryReading } from './memory.ts';

/** Between two checks, milliseconds. */
export const idleCheckMs = 10_000;
/** From the start to the first check, milliseconds: to load the modules alone leaves some 10 MiB that nobody needs. */
export const firstIdleCheckMs = 2000;
/**
 * Consecutive checks at which the process has to be idle. Such a collection drops compiled code too, and the first 20,000 calls after one
 * cost twice as much: work that comes and goes by the half minute is not to pay for that each time.
 */
export const idleChecksMin = 3;
/** What the process has to have grown by, bytes: a collection takes 2 ms for each MiB on it, however little it finds. */
const grownBytesMin = 8_388_608;

/**
 * With this few calls between two checks, and this little work for the streams that are open, a pause meets hardly anyone. Many sidecars
 * have a stream that is always open, and would otherwise never be idle.
 */
const fewCallsMax = 100;
const littleWorkShare = 0.02;
/** Where somebody might notice, the pause is to be short: about 100 ms. */
const quietHeapBytesMax = 50_331_648;

export interface IdleCollectorDeps {
  readonly clock: Clock;
  readonly calls: () => { readonly active: number; readonly ended: number };
  /** CPU time of this process so far, milliseconds. */
  readonly cpuMs: () => number;
  readonly memory: () => Pick<MemoryReading, 'residentBytes' | 'heapBytes'>;
  /** Collects what there is at once, and gives its pages back to the system. */
  readonly shrinkHeap: () => void;
}

/**
 * Gives memory back when the work is over. V8 lets the heap grow under load, and has no reason to collect once nothing
 * is allocated any more: a sidecar that was busy once would hold 300 MiB for good, beside a service that could use them.
 */
export class IdleCollector {
  private readonly deps: IdleCollectorDeps;
  private timer: Timer | null = null;
  private endedBefore = 0;
  private cpuMsBefore = 0;
  private checkedMs = 0;
  /**
   * The smallest size of the process at a check, since the last collection and right after it. Its heap alone does not tell: V8
   * keeps pages that it emptied by itself, some 10 MiB, until a collection of this kind.
   */
  private leastBytes = 0;
  /** At the start there is no compiled code worth keeping. */
  private idleChecks = idleChecksMin - 1;

  constructor(deps: IdleCollectorDeps) {
    this.deps = deps;
  }

  start(): void {
    const { clock, cpuMs } = this.deps;
    this.checkedMs = clock.now();
    this.cpuMsBefore = cpuMs();
    this.timer = repeat(clock, idleCheckMs, () => this.check(), firstIdleCheckMs);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private check(): void {
    const { memory, shrinkHeap } = this.deps;
    const { residentBytes, heapBytes } = memory();
    this.idleChecks = this.mayPause(heapBytes) ? this.idleChecks + 1 : 0;
    this.leastBytes = Math.min(this.leastBytes, residentBytes);
    if (this.idleChecks < idleChecksMin || residentBytes < this.leastBytes + grownBytesMin) return;
    shrinkHeap();
    // What it found to be in use is no reason for another one.
    this.leastBytes = memory().residentBytes;
  }

  private mayPause(heapBytes: number): boolean {
    const { active, ended } = this.deps.calls();
    const nowMs = this.deps.clock.now();
    const cpuMs = this.deps.cpuMs();
    const calls = ended - this.endedBefore;
    const worked = cpuMs - this.cpuMsBefore > (nowMs - this.checkedMs) * littleWorkShare;
    this.endedBefore = ended;
    this.cpuMsBefore = cpuMs;
    this.checkedMs = nowMs;
    if (active === 0 && calls === 0) return true;
    return calls <= fewCallsMax && !worked && heapBytes <= quietHeapBytesMax;
  }
}
