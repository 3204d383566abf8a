/** The largest window there is, RFC 9113 section 6.9.1. */
export const windowBytesMax = 0x7fff_ffff;

/** The window of every connection and stream before any SETTINGS or WINDOW_UPDATE, RFC 9113 section 6.9.2. */
export const windowBytesDefault = 65_535;

/**
 * What the peer still lets us send. It can be negative: a stream window of 65,535 with 60,000 bytes sent has
 * 5,535 left; if the peer then lowers SETTINGS_INITIAL_WINDOW_SIZE to 16,384 it is 5,535 - 49,151 = -43,616, and
 * nothing may be sent until updates have made it positive again (RFC 9113 section 6.9.2).
 */
export class SendWindow {
  available: number;
  constructor(bytes: number) {
    this.available = bytes;
  }
  /** Takes what was sent; the caller never sends more than `available`. */
  take(bytes: number): void {
    this.available -= bytes;
  }
  /** Adds an increment or the change of the initial size. False when it overflows: FLOW_CONTROL_ERROR. */
  add(bytes: number): boolean {
    this.available += bytes;
    return this.available <= windowBytesMax;
  }
}

/**
 * What we let the peer send, and what we owe it back. `granted` falls as bytes arrive; `owed` grows as they are
 * disposed of; at half the size the debt is worth a WINDOW_UPDATE, so that small messages cost none each.
 *
 * The size doubles with each such update up to `sizeMax` while the reader keeps up: a stream that flows gets room for a
 * fast path, and one that nobody reads never holds more than its first window.
 */
export class ReceiveWindow {
  private granted: number;
  private owed = 0;
  private size: number;
  private readonly sizeMax: number;

  /** `granted` differs from `size` only for a peer that has not yet acknowledged the size. */
  constructor(size: number, sizeMax = size, granted = size) {
    this.size = size;
    this.sizeMax = sizeMax;
    this.granted = granted;
  }
  /** Counts arrived bytes, padding included. False when the peer sent more than it was granted. */
  receive(bytes: number): boolean {
    this.granted -= bytes;
    // An empty frame is no offence, even where the window is below zero (RFC 9113 section 6.9.1).
    return this.granted >= 0 || bytes === 0;
  }
  /** The peer has taken up a smaller size than it began with; what it sent until then may leave less than nothing. */
  shrink(bytes: number): void {
    this.granted -= bytes;
  }
  /**
   * Bytes that may be granted again; `heldBytes` are those that came and are not disposed of yet, or 0 where that is no
   * reason not to grow. Returns the increment to announce now, or 0 for not yet.
   */
  release(bytes: number, heldBytes = 0): number {
    this.owed += bytes;
    if (this.owed * 2 < this.size) return 0;
    if (heldBytes * 2 >= this.size) return this.settle();
    const grown = Math.min(this.size * 2, this.sizeMax);
    this.owed += Math.max(0, grown - this.size);
    this.size = Math.max(this.size, grown);
    return this.settle();
  }
  /** Announces all that is owed at once; 0 when nothing is. */
  settle(): number {
    const increment = this.owed;
    this.owed = 0;
    this.granted += increment;
    return increment;
  }
  /** Bytes the peer may send now and has not. */
  get outstanding(): number {
    return this.granted;
  }
}
