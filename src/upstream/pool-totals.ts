/** What the pools of one cluster hold together, beside what each may hold for itself. */
export class PoolTotals {
  connections = 0;
  /** Calls that wait for a connection. */
  pending = 0;
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

  get mayWait(): boolean {
    return this.pending < this.pendingMax;
  }
}
