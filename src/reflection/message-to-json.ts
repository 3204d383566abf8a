import type { Result } from '../core/result.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import { type FieldDescriptor, type MessageDescriptor, valueTypes } from './descriptors.ts';
import { emptyObject, type Json, messageDepthMax } from './json.ts';
import { anyName, nullValueName, wellKnownTypes } from './well-known-types.ts';
import { WireReader, wireTypes } from './wire-reader.ts';

/** Values of one message, unless the caller sets another limit: a message of a few bytes may hold thousands of empty ones. */
export const valuesMaxDefault = 100_000;

/**
 * Decodes a message as ProtoJSON shows it: names in lowerCamelCase, 64-bit numbers as text, bytes in base64, and only what
 * was sent. Values that the definition does not name are left out. The error is a sentence on malformed bytes.
 */
export function messageToJson(
  pool: DescriptorPool,
  type: MessageDescriptor,
  bytes: Buffer,
  valuesMax = valuesMaxDefault,
): Result<Json> {
  try {
    return { value: new Decoder(pool, valuesMax).message(type, bytes, 0) };
  } catch (error) {
    return { error: `the bytes are not a valid ${type.fullName}: ${(error as Error).message}` };
  }
}

class Decoder {
  private readonly pool: DescriptorPool;
  private readonly valuesMax: number;
  private values = 0;

  constructor(pool: DescriptorPool, valuesMax: number) {
    this.pool = pool;
    this.valuesMax = valuesMax;
  }

  message(type: MessageDescriptor, bytes: Buffer, depth: number): Json {
    const plain = this.fields(type, bytes, depth);
    if (type.fullName === anyName) return this.any(plain, depth);
    const special = wellKnownTypes.get(type.fullName);
    return special === undefined ? plain : special.show(plain);
  }

  private fields(type: MessageDescriptor, bytes: Buffer, depth: number): Record<string, Json> {
    if (depth > messageDepthMax)
      throw new RangeError(`messages are nested more than ${messageDepthMax} deep`);
    const reader = new WireReader(bytes);
    const into = emptyObject();
    while (!reader.done) {
      const { number, wireType } = reader.tag();
      const field = type.byNumber.get(number);
      if (field === undefined || !this.accepts(field, wireType)) reader.skip(number, wireType);
      else if (wireType === wireTypes.bytes && isPackable(field)) this.packed(field, reader, into);
      else this.one(field, reader, into, depth);
    }
    return into;
  }

  /** A value with another wire type than its definition has counts as unknown, as in protobuf's own libraries. */
  private accepts(field: FieldDescriptor, wireType: number): boolean {
    if (wireType === wireTypes.groupStart) return isMessage(field);
    return (
      wireType === (field.type === valueTypes.group ? wireTypes.groupStart : wireTypeOf(field.type)) ||
      (wireType === wireTypes.bytes && isPackable(field))
    );
  }

  private packed(field: FieldDescriptor, reader: WireReader, into: Record<string, Json>): void {
    const values = new WireReader(reader.delimited());
    const list = listOf(into, field.jsonName);
    while (!values.done) list.push(this.scalar(field, values));
  }

  private one(field: FieldDescriptor, reader: WireReader, into: Record<string, Json>, depth: number): void {
    const { jsonName } = field;
    if (!isMessage(field)) {
      const value = this.scalar(field, reader);
      if (field.repeated) listOf(into, jsonName).push(value);
      else into[jsonName] = value;
      return;
    }
    this.count();
    const bytes = field.type === valueTypes.group ? reader.group(field.number) : reader.delimited();
    const type = this.pool.typeOf(field);
    if (type?.kind === 'message' && type.isMapEntry) {
      into[jsonName] ??= emptyObject();
      const { key, value } = this.entry(type, bytes, depth + 1);
      (into[jsonName] as Record<string, Json>)[key] = value;
      return;
    }
    // Its definition is missing: all that is known of it is its bytes.
    const value = type?.kind === 'message' ? this.message(type, bytes, depth + 1) : bytes.toString('base64');
    if (field.repeated) listOf(into, jsonName).push(value);
    else into[jsonName] = value;
  }

  private entry(
    type: MessageDescriptor,
    bytes: Buffer,
    depth: number,
  ): { readonly key: string; readonly value: Json } {
    const { key, value } = this.fields(type, bytes, depth);
    const valueField = type.byNumber.get(2);
    const keyField = type.byNumber.get(1);
    return {
      key: String(key ?? (keyField === undefined ? '' : this.defaultOf(keyField))),
      value: value ?? (valueField === undefined ? null : this.defaultOf(valueField)),
    };
  }

  /** The value of an entry that was not sent. */
  private defaultOf(field: FieldDescriptor): Json {
    const type = this.pool.typeOf(field);
    if (isMessage(field))
      return type?.kind === 'message' ? this.message(type, Buffer.alloc(0), messageDepthMax) : '';
    if (field.type === valueTypes.string || field.type === valueTypes.bytes) return '';
    return this.scalar(field, new WireReader(Buffer.alloc(8)));
  }

  private any(plain: Record<string, Json>, depth: number): Json {
    const { typeUrl = '', value = '' } = plain;
    const type = this.pool.message(String(typeUrl).replace(/^.*\//, ''));
    if (type === undefined) return { '@type': typeUrl, value };
    const message = this.message(type, Buffer.from(String(value), 'base64'), depth + 1);
    const isSpecial = wellKnownTypes.has(type.fullName) || type.fullName === anyName;
    return isSpecial ? { '@type': typeUrl, value: message } : { '@type': typeUrl, ...(message as object) };
  }

  private scalar(field: FieldDescriptor, reader: WireReader): Json {
    this.count();
    switch (field.type) {
      case valueTypes.double:
        return numberOf(reader.take(8).readDoubleLE());
      case valueTypes.float:
        return numberOf(shortest(reader.take(4).readFloatLE()));
      case valueTypes.int64:
        return String(BigInt.asIntN(64, reader.varint()));
      case valueTypes.uint64:
        return String(reader.varint());
      case valueTypes.fixed64:
        return String(reader.take(8).readBigUInt64LE());
      case valueTypes.sfixed64:
        return String(reader.take(8).readBigInt64LE());
      case valueTypes.sint64: {
        const bits = reader.varint();
        return String(BigInt.asIntN(64, (bits >> 1n) ^ -(bits & 1n)));
      }
      case valueTypes.fixed32:
        return reader.take(4).readUInt32LE();
      case valueTypes.sfixed32:
        return reader.take(4).readInt32LE();
      case valueTypes.uint32:
        return reader.int32() >>> 0;
      case valueTypes.sint32: {
        const bits = reader.int32() >>> 0;
        return (bits >>> 1) ^ -(bits & 1);
      }
      case valueTypes.bool:
        return reader.varint() !== 0n;
      case valueTypes.string:
        return reader.text();
      case valueTypes.bytes:
        return reader.delimited().toString('base64');
      case valueTypes.enum:
        return this.enumValue(field, reader.int32());
      default:
        return reader.int32();
    }
  }

  private enumValue(field: FieldDescriptor, number: number): Json {
    const type = this.pool.typeOf(field);
    if (type?.kind !== 'enum') return number;
    return type.fullName === nullValueName ? null : (type.byNumber.get(number) ?? number);
  }

  private count(): void {
    if (++this.values > this.valuesMax) throw new RangeError(`it has more than ${this.valuesMax} values`);
  }
}

export function isMessage({ type }: FieldDescriptor): boolean {
  return type === valueTypes.message || type === valueTypes.group;
}

/** Whether the values of a list may stand behind each other with one length in front of them. */
export function isPackable({ repeated, type }: FieldDescriptor): boolean {
  return repeated && wireTypeOf(type) !== wireTypes.bytes && type !== valueTypes.group;
}

export function wireTypeOf(type: number): number {
  switch (type) {
    case valueTypes.double:
    case valueTypes.fixed64:
    case valueTypes.sfixed64:
      return wireTypes.fixed64;
    case valueTypes.float:
    case valueTypes.fixed32:
    case valueTypes.sfixed32:
      return wireTypes.fixed32;
    case valueTypes.string:
    case valueTypes.bytes:
    case valueTypes.message:
      return wireTypes.bytes;
    case valueTypes.group:
      return wireTypes.groupStart;
    default:
      return wireTypes.varint;
  }
}

function listOf(into: Record<string, Json>, name: string): Json[] {
  into[name] ??= [];
  return into[name] as Json[];
}

/** JSON has no number for these. */
function numberOf(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}

/** The fewest digits that are still the same 32-bit number: 0.1 and not 0.10000000149011612. */
function shortest(value: number): number {
  // Which has a sign that a text does not keep.
  if (value === 0) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
