/** Wire types of Protocol Buffers (protobuf.dev, "Encoding"). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

const varintBytesMax = 10;
/** Groups inside groups that are passed over; deeper ones are an attack. */
const skippedDepthMax = 100;

/**
 * Reads the wire format of Protocol Buffers from bytes that nobody has checked. Every method throws a `RangeError` with a
 * sentence where the bytes are malformed; the functions that use it catch it and return the sentence.
 */
export class WireReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Returns the number and the wire type of the value that follows. */
  tag(): { readonly number: number; readonly wireType: number } {
    const tag = Number(this.varint());
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > 0xffff_ffff) throw new RangeError(`a tag has the invalid number ${number}`);
    return { number, wireType: tag % 8 };
  }

  /** Returns the 64 bits of a number without a sign. */
  varint(): bigint {
    let low = 0;
    let high = 0n;
    for (let i = 0; i < varintBytesMax; i++) {
      if (this.done) throw new RangeError('the message ends inside a number');
      const byte = this.bytes[this.at++];
      if (i < 7) low += (byte & 0x7f) * 2 ** (7 * i);
      else high |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, BigInt(low) | high);
    }
    throw new RangeError('a number is longer than 10 bytes');
  }

  /** Returns the low 32 bits of a number, with their sign. */
  int32(): number {
    return Number(BigInt.asIntN(32, this.varint()));
  }

  /** Returns the next `count` bytes, which share memory with the message. */
  take(count: number): Buffer {
    if (count > this.bytes.length - this.at) throw new RangeError('the message ends inside a value');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Returns a value that has its length in front of it. */
  delimited(): Buffer {
    const length = this.varint();
    if (length > BigInt(this.bytes.length)) throw new RangeError('the message ends inside a value');
    return this.take(Number(length));
  }

  text(): string {
    return this.delimited().toString('utf8');
  }

  /** Returns what stands before the end of a group that has begun, and reads its end as well. */
  group(number: number): Buffer {
    const start = this.at;
    for (;;) {
      const tagAt = this.at;
      const tag = this.tag();
      if (tag.wireType !== wireTypes.groupEnd) {
        this.skip(tag.number, tag.wireType);
        continue;
      }
      if (tag.number !== number) throw new RangeError('a group ends with the number of another one');
      return this.bytes.subarray(start, tagAt);
    }
  }

  /** Passes over a value that is unknown, as a newer server may send some. */
  skip(number: number, wireType: number, depth = 0): void {
    if (depth > skippedDepthMax) throw new RangeError(`groups are nested more than ${skippedDepthMax} deep`);
    if (wireType === wireTypes.varint) this.varint();
    else if (wireType === wireTypes.fixed64) this.take(8);
    else if (wireType === wireTypes.bytes) this.delimited();
    else if (wireType === wireTypes.fixed32) this.take(4);
    else if (wireType === wireTypes.groupStart) this.skipGroup(number, depth);
    else throw new RangeError(`a value has the invalid wire type ${wireType}`);
  }

  private skipGroup(number: number, depth: number): void {
    for (;;) {
      const tag = this.tag();
      if (tag.wireType === wireTypes.groupEnd) {
        if (tag.number !== number) throw new RangeError('a group ends with the number of another one');
        return;
      }
      this.skip(tag.number, tag.wireType, depth + 1);
    }
  }
}
