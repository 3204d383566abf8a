import { expect } from 'chai';
import type { Field } from '../../../../src/core/field.ts';
import type { HeaderBlock } from '../../../../src/core/header-block.ts';
import type { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import type { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { integerBytesMax, writeInteger } from '../../../../src/http2/hpack/integer.ts';
import { OutputBuffer } from '../../../../src/transport/output-buffer.ts';

export type Pair = readonly [name: string, value: string];

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

export function pairs(fields: readonly Field[]): Pair[] {
  return fields.map((field) => [field.name, field.value]);
}

export function blockPairs(block: HeaderBlock | null): Pair[] | null {
  return block === null ? null : pairs(block.allFields);
}

/** The bytes of one block, in memory of its own. */
export function encoded(encoder: HpackEncoder, block: HeaderBlock): Buffer {
  const out = new OutputBuffer(8);
  encoder.encode(block, out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

/** Decodes a block that stands somewhere inside a larger buffer, as on a connection. */
export function decoded(decoder: HpackDecoder, wire: Uint8Array): HeaderBlock | null {
  const around = Buffer.alloc(wire.length + 7, 0xaa);
  around.set(wire, 3);
  return decoder.decode(around, 3, 3 + wire.length);
}

export const roomy = { tableBytesMax: 4096, listBytesMax: 1 << 20, fieldsMax: 1000 };

/** An integer with `pattern` above its prefix, by itself. */
export function integer(pattern: number, prefixBits: number, value: number): Buffer {
  const out = Buffer.alloc(integerBytesMax);
  return out.subarray(0, writeInteger(out, 0, pattern, prefixBits, value));
}

/** A literal with a literal name; `pattern` 0x40 inserts, 0x00 does not, 0x10 is sensitive. */
export function literal(pattern: number, name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.of(pattern),
    integer(0, 7, name.length),
    Buffer.from(name, 'latin1'),
    integer(0, 7, value.length),
    Buffer.from(value, 'latin1'),
  ]);
}

/** Its only field, which must be there. */
export function only(decoder: HpackDecoder, wire: Uint8Array): Field {
  const block = decoded(decoder, wire);
  expect(block?.allFields.length, decoder.error ?? '').to.equal(1);
  return block!.allFields[0];
}
