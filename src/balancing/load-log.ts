/** Changes that a log has room for at first; it grows as long as changes come. */
const changesMin = 256;
/** Changes that are kept: the loads of all endpoints are known for about half as many picks. 64 KiB for each busy cluster. */
export const loadChangesMax = 16_384;

/** An endpoint as the log knows it. */
export interface LoadedEndpoint {
  /** Numbers the endpoints of a cluster from 0; a number is never used again. */
  readonly slot: number;
  /** Attempts in flight now. */
  readonly active: number;
}

/**
 * Each change of the requests in flight at the endpoints of a cluster, one small integer for each, in a ring. So the load of
 * every endpoint at an earlier moment can be worked out from the loads of now, and a pick has to remember nothing but the moment.
 */
export class LoadLog {
  private changes = new Int32Array(changesMin);
  /** Changes ever made; wraps at 32 bits. */
  private count = 0;
  private nextSlot = 0;
  /** Those in the cluster now: calls that are remembered hold the log, and must not hold what has gone. */
  private readonly endpoints = new Map<number, LoadedEndpoint>();

  /** Returns the slot of an endpoint that comes. */
  newSlot(): number {
    return this.nextSlot++;
  }

  /** Knows the endpoint until `leave`. */
  join(endpoint: LoadedEndpoint): void {
    this.endpoints.set(endpoint.slot, endpoint);
  }

  leave({ slot }: LoadedEndpoint): void {
    this.endpoints.delete(slot);
  }

  /** The moment, for `activeAt`. A signed 32-bit integer. */
  get now(): number {
    return this.count;
  }

  /** One more request is in flight at an endpoint. */
  began(slot: number): void {
    this.add(slot + 1);
  }

  /** One fewer. */
  ended(slot: number): void {
    this.add(-slot - 1);
  }

  /**
   * Returns the requests that the endpoints with these slots had in flight at that moment, null for one that has left since; null
   * for all where more changes have followed than `changesMax`, or than are kept.
   */
  activeAt(
    moment: number,
    slots: readonly number[],
    changesMax = loadChangesMax,
  ): Array<number | null> | null {
    const changed = (this.count - moment) >>> 0;
    if (changed > Math.min(changesMax, this.changes.length)) return null;
    const sums = new Map<number, number>();
    for (let i = 1; i <= changed; i++) {
      const change = this.changes[(this.count - i) & (this.changes.length - 1)];
      const slot = Math.abs(change) - 1;
      sums.set(slot, (sums.get(slot) ?? 0) + Math.sign(change));
    }
    return slots.map((slot) => {
      const endpoint = this.endpoints.get(slot);
      return endpoint === undefined ? null : endpoint.active - (sums.get(slot) ?? 0);
    });
  }

  private add(change: number): void {
    const { length } = this.changes;
    if (this.count === length && length < loadChangesMax) {
      const larger = new Int32Array(2 * length);
      larger.set(this.changes);
      this.changes = larger;
    }
    this.changes[this.count & (this.changes.length - 1)] = change;
    this.count = (this.count + 1) | 0;
  }
}
