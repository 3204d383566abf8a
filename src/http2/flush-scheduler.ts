/** Something with octets to write, told when it is time. */
export interface Flushable {
  flush(): void;
}

/**
 * One write per connection and event-loop turn, over all sockets: with many calls in flight a turn serves many of
 * them, and the kernel is entered once for all. Measured at c50 m1: 19 µs a call, against 31 by microtask and 38 at
 * once. With at most one call in flight there is nothing to gather, and flushing at once saves 5 µs of wake-up.
 */
export class FlushScheduler {
  private dirty: Flushable[] = [];
  private reading = 0;
  private scheduled = false;
  private readonly defer: (run: () => void) => void;
  /** Requests in flight on all connections that share this scheduler. */
  active = 0;

  /** `defer` runs something once the reads of this turn are done; replaced where time is virtual. */
  constructor(defer: (run: () => void) => void = setImmediate) {
    this.defer = defer;
  }

  /** `connection` has something to flush; it says so once until it is flushed. */
  add(connection: Flushable): void {
    this.dirty.push(connection);
    // During a read `endRead` decides; what is written outside of one (timers, connects) waits for the turn.
    if (this.reading === 0) this.schedule();
  }

  beginRead(): void {
    this.reading++;
  }

  endRead(): void {
    this.reading--;
    if (this.reading > 0 || this.dirty.length === 0) return;
    if (this.active <= 1) this.flushAll();
    else this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.defer(this.onImmediate);
  }

  private readonly onImmediate = (): void => {
    this.scheduled = false;
    this.flushAll();
  };

  private flushAll(): void {
    // A flush may dirty others (a failed write ends calls): go on until nothing is left.
    for (let i = 0; i < this.dirty.length; i++) this.dirty[i].flush();
    this.dirty.length = 0;
  }
}
