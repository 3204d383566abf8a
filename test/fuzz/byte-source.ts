/** Reads an input as the numbers and choices that a target wants; past its end everything is 0. Nothing else decides. */
export class ByteSource {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.bytes.length - this.at);
  }

  u8(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++] : 0;
  }
  u16(): number {
    return (this.u8() << 8) | this.u8();
  }
  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }
  flag(): boolean {
    return (this.u8() & 1) === 1;
  }
  /** 0 to `limit` - 1, `limit` at most 256. */
  below(limit: number): number {
    return this.u8() % limit;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.u8() % list.length];
  }
  /** At most `count` bytes; fewer at the end. */
  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + count);
    this.at += taken.length;
    return taken;
  }
  /** Up to `charsMax` characters, one per byte; its length is the first byte. */
  text(charsMax: number): string {
    return Buffer.from(this.take(this.u8() % (charsMax + 1))).toString('latin1');
  }
  rest(): Uint8Array {
    return this.take(this.left);
  }
}
