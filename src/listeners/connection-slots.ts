/** What a slot is held for: something that closes once. */
interface Closing {
  once(event: 'close', listener: () => void): unknown;
}

/** Connections that the listeners of a process may hold together, so that descriptors are left for everything else. */
export class ConnectionSlots {
  private readonly connectionsMax: number;
  /** Slots that connections hold. */
  held = 0;

  constructor(connectionsMax: number) {
    this.connectionsMax = connectionsMax;
  }

  /** Holds a slot until the connection closes; false where there is none. */
  hold(connection: Closing): boolean {
    if (this.held >= this.connectionsMax) return false;
    this.held++;
    connection.once('close', () => {
      this.held--;
    });
    return true;
  }
}
