import { WireReader, wireTypes } from './wire-reader.ts';

/**
 * The values of a message by their numbers, where the definition of the message is known to the code that reads it. Of a
 * value that was sent twice the last one counts, as Protocol Buffers requires. Throws on malformed bytes, as `WireReader`.
 */
export class RawMessage {
  private readonly values = new Map<number, Array<Buffer | bigint>>();

  constructor(bytes: Buffer) {
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const { number, wireType } = reader.tag();
      if (wireType === wireTypes.bytes) this.keep(number, reader.delimited());
      else if (wireType === wireTypes.varint) this.keep(number, reader.varint());
      else reader.skip(number, wireType);
    }
  }

  /** Returns all values that have a length: texts, bytes and messages. */
  parts(number: number): Buffer[] {
    return (this.values.get(number) ?? []).filter((value) => Buffer.isBuffer(value));
  }

  texts(number: number): string[] {
    return this.parts(number).map((part) => part.toString('utf8'));
  }

  text(number: number): string {
    return this.parts(number).at(-1)?.toString('utf8') ?? '';
  }

  has(number: number): boolean {
    return this.values.has(number);
  }

  int32(number: number, otherwise = 0): number {
    const value = this.values.get(number)?.findLast((one) => typeof one === 'bigint');
    return value === undefined ? otherwise : Number(BigInt.asIntN(32, value as bigint));
  }

  private keep(number: number, value: Buffer | bigint): void {
    const values = this.values.get(number);
    if (values === undefined) this.values.set(number, [value]);
    else values.push(value);
  }
}
