/**
 * Octets on their way out of one connection: a single buffer that every frame is copied into and that leaves with
 * one write per event-loop turn. Measured as the largest single saving on the call path against a Buffer per frame.
 *
 * Writers call `reserve(n)`, then write at `bytes[length]` and move `length` themselves.
 */
export class OutputBuffer {
  bytes: Buffer;
  length = 0;
  private readonly initialBytes: number;

  constructor(initialBytes = 4096) {
    this.initialBytes = initialBytes;
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Makes room for `extra` more octets; existing ones stay. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Forgets what was written, keeping the memory: only when the transport is done with it. */
  clear(): void {
    this.length = 0;
  }

  /** Starts on fresh memory: the transport still holds the old. */
  renew(): void {
    this.bytes = Buffer.allocUnsafeSlow(this.initialBytes);
    this.length = 0;
  }
}
