import type { Readable } from 'node:stream';

/**
 * The little of Protocol Buffers that stands between connectconformance and the programs under test: messages behind their length
 * in four bytes, whose numbers are read and replaced, and whose other fields pass through as they are.
 */

/** One field of a message. */
interface ProtoField {
  readonly number: number;
  /** Of wire type 0; -1 for any other. */
  readonly value: number;
  /** Its bytes, the tag included. */
  readonly bytes: Buffer;
}

const WireType = { Varint: 0, Bits64: 1, Bytes: 2, Bits32: 5 } as const;
const lengthBytes = 4;

/** Yields the messages of a stream, each without its length. */
export async function* readMessages(stream: Readable): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= lengthBytes && bytes.length >= lengthBytes + bytes.readUInt32BE()) {
      const end = lengthBytes + bytes.readUInt32BE();
      yield bytes.subarray(lengthBytes, end);
      bytes = bytes.subarray(end);
    }
  }
}

/** A message behind its length. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** The value of a number field, 0 without one. */
export function numberOf(message: Buffer, field: number): number {
  return fieldsOf(message).find(({ number }) => number === field)?.value ?? 0;
}

/** The message with another value of a number field. */
export function withNumber(message: Buffer, field: number, value: number): Buffer {
  const others = fieldsOf(message).filter(({ number }) => number !== field);
  const tag = varint(field * 8 + WireType.Varint);
  return Buffer.concat([...others.map(({ bytes }) => bytes), tag, varint(value)]);
}

/** The message with another value of a text field. */
export function withText(message: Buffer, field: number, text: string): Buffer {
  const others = fieldsOf(message).filter(({ number }) => number !== field);
  const value = Buffer.from(text);
  const tag = varint(field * 8 + WireType.Bytes);
  return Buffer.concat([...others.map(({ bytes }) => bytes), tag, varint(value.length), value]);
}

function fieldsOf(message: Buffer): ProtoField[] {
  const fields: ProtoField[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = readVarint();
    const type = tag % 8;
    let value = -1;
    if (type === WireType.Varint) value = readVarint();
    else if (type === WireType.Bytes) {
      const length = readVarint();
      at += length;
    } else if (type === WireType.Bits64) at += 8;
    else if (type === WireType.Bits32) at += 4;
    else throw new Error(`a field has wire type ${type}`);
    fields.push({ number: Math.floor(tag / 8), value, bytes: message.subarray(start, at) });
  }
  return fields;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
