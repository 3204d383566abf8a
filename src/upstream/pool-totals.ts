import { StreamWaits } from './opener-queue.ts';

/** A pool that may have idle connections. */
export interface IdleHolder {
  readonly hasIdle: boolean;
  /** Closes the one that has been idle for the longest time. False where there is none, and it is no holder any more. */
  closeOldestIdle(): boolean;
}

/** What the pools of one cluster hold together, beside what each may hold for itself. */
export class PoolTotals {
  connections = 0;
  /** Calls that wait for a connection. */
  pending = 0;
  /** The pools whose idle connections others may have closed. One whose last idle connection is in use stays until it is asked. */
  readonly idleHolders = new Set<IdleHolder>();
  /** How long the calls that got a stream had waited for it. */
  readonly waits = new StreamWaits();
  private readonly connectionsMax: number;
  private readonly pendingMax: number;

  constructor(connectionsMax: number, pendingMax: number) {
    this.connectionsMax = connectionsMax;
    this.pendingMax = pendingMax;
  }

  /**
   * May a pool that has `own` connections open one more? The first always (as in Envoy): or in a cluster of more endpoints
   * than connections some could never be reached.
   */
  mayConnect(own: number): boolean {
    return own === 0 || this.connections < this.connectionsMax;
  }

  /** As `mayConnect`; at the limit, an idle connection of another pool makes room for one that is needed. */
  makeRoom(own: number): boolean {
    while (!this.mayConnect(own)) {
      const [holder] = this.idleHolders;
      if (holder === undefined) return false;
      if (!holder.closeOldestIdle()) this.idleHolders.delete(holder);
    }
    return true;
  }

  /** What `makeRoom` would return, without making any. */
  mayMakeRoom(own: number): boolean {
    if (this.mayConnect(own)) return true;
    for (const { hasIdle } of this.idleHolders) if (hasIdle) return true;
    return false;
  }

  get mayWait(): boolean {
    return this.pending < this.pendingMax;
  }
}
