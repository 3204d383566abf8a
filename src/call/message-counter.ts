/**
 * Counts the messages of a gRPC body as it streams by: each begins with a flag byte and a length of four (gRPC over
 * HTTP/2, "Length-Prefixed-Message"). Reads five bytes a message and never the message.
 */
export class MessageCounter {
  count = 0;
  /** Bytes of the current message still to come. */
  private left = 0;
  private prefixSeen = 0;
  private length = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    let at = this.left === 0 && this.prefixSeen === 0 ? this.addWhole(bytes, start, end) : start;
    while (at < end) {
      if (this.left > 0) {
        const skip = Math.min(this.left, end - at);
        this.left -= skip;
        at += skip;
        continue;
      }
      this.length = this.prefixSeen === 0 ? 0 : this.length * 256 + bytes[at];
      at++;
      if (++this.prefixSeen === 5) {
        this.count++;
        this.prefixSeen = 0;
        this.left = this.length;
      }
    }
  }

  /** Messages that are there whole, at the beginning of one, which is the common case; returns where it stopped. */
  private addWhole(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (end - at >= 5) {
      const length =
        bytes[at + 1] * 0x100_0000 + (bytes[at + 2] << 16) + (bytes[at + 3] << 8) + bytes[at + 4];
      if (length > end - at - 5) break;
      this.count++;
      at += 5 + length;
    }
    return at;
  }
}
