/**
 * Writes the wire format of Protocol Buffers for messages that people write by hand: small and rare, so that clarity counts
 * more than speed. `telemetry/protobuf-writer.ts` is the fast one.
 */
export class WireWriter {
  private readonly parts: Buffer[] = [];

  /** Writes a number without a sign, of at most 64 bits. */
  varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.parts.push(Buffer.from(bytes));
    return this;
  }

  tag(number: number, wireType: number): this {
    return this.varint(number * 8 + wireType);
  }

  raw(bytes: Buffer): this {
    this.parts.push(bytes);
    return this;
  }

  /** Writes bytes with their length in front of them. */
  delimited(bytes: Buffer): this {
    return this.varint(bytes.length).raw(bytes);
  }

  finish(): Buffer {
    return Buffer.concat(this.parts);
  }
}
