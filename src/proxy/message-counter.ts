/**
 * Counts the messages of a gRPC body as it streams by: each begins with a flag octet and a length of four (gRPC over
 * HTTP/2, "Length-Prefixed-Message"). Reads five octets a message and never the message.
 */
export class MessageCounter {
  count = 0;
  /** Octets of the current message still to come. */
  private left = 0;
  private prefixSeen = 0;
  private length = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
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
}
