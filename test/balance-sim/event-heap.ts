/**
 * What is to happen and when, earliest first; of the same moment, that which was added first. A binary heap in typed
 * arrays: an event is a number, so that tens of millions of them make no garbage.
 */
export class EventHeap {
  size = 0;
  private times = new Float64Array(1024);
  private orders = new Float64Array(1024);
  private codes = new Float64Array(1024);
  private added = 0;

  /** When the next event is due; infinity when there is none. */
  get nextMs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.times[0];
  }

  add(atMs: number, code: number): void {
    if (this.size === this.times.length) this.grow();
    const { times, orders, codes } = this;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent] <= atMs) break;
      times[at] = times[parent];
      orders[at] = orders[parent];
      codes[at] = codes[parent];
      at = parent;
    }
    times[at] = atMs;
    orders[at] = this.added++;
    codes[at] = code;
  }

  /** Takes the next event out and gives its code. There must be one. */
  take(): number {
    const { times, orders, codes } = this;
    const code = codes[0];
    const last = --this.size;
    const atMs = times[last];
    const order = orders[last];
    const moved = codes[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      const other = child + 1;
      if (other < last && (times[other] - times[child] || orders[other] - orders[child]) < 0) child = other;
      if ((times[child] - atMs || orders[child] - order) >= 0) break;
      times[at] = times[child];
      orders[at] = orders[child];
      codes[at] = codes[child];
      at = child;
    }
    times[at] = atMs;
    orders[at] = order;
    codes[at] = moved;
    return code;
  }

  private grow(): void {
    const bigger = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.times = bigger(this.times);
    this.orders = bigger(this.orders);
    this.codes = bigger(this.codes);
  }
}
