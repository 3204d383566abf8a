/** Connections that the listeners of a process may hold together, so that descriptors are left for everything else. */
export class ConnectionSlots {
  private readonly connectionsMax: number;
  private taken = 0;

  constructor(connectionsMax: number) {
    this.connectionsMax = connectionsMax;
  }

  /** False when there is none. */
  take(): boolean {
    if (this.taken >= this.connectionsMax) return false;
    this.taken++;
    return true;
  }

  give(): void {
    this.taken--;
  }
}
