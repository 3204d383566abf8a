import type { Result } from '../core/result.ts';
import { valueTypes } from './descriptors.ts';
import type { Json } from './json.ts';
import { WireWriter } from './wire-writer.ts';

/** Encodes a value that is neither a message nor an enum. The error is what the value must be. */
export function scalarBytes(type: number, value: Json): Result<Buffer> {
  switch (type) {
    case valueTypes.string:
      if (typeof value !== 'string') return { error: 'text in quotes' };
      return { value: delimited(Buffer.from(value)) };
    case valueTypes.bytes: {
      if (typeof value !== 'string' || !/^[\w+/-]*={0,2}$/.test(value)) return { error: 'bytes in base64' };
      return { value: delimited(Buffer.from(value, 'base64')) };
    }
    case valueTypes.bool:
      if (typeof value !== 'boolean') return { error: 'true or false' };
      return { value: Buffer.of(value ? 1 : 0) };
    case valueTypes.double:
    case valueTypes.float:
      return floatBytes(type, value);
    default:
      return integerBytes(type, value);
  }
}

function delimited(bytes: Buffer): Buffer {
  return new WireWriter().delimited(bytes).finish();
}

const specialNumbers: ReadonlyMap<Json, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function floatBytes(type: number, value: Json): Result<Buffer> {
  const isNumeric = typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value);
  const number =
    specialNumbers.get(value) ?? (typeof value === 'number' || isNumeric ? Number(value) : undefined);
  if (number === undefined) return { error: 'a number' };
  const bytes = Buffer.alloc(type === valueTypes.double ? 8 : 4);
  if (type === valueTypes.double) bytes.writeDoubleLE(number);
  else if (Number.isFinite(number) && !Number.isFinite(Math.fround(number)))
    return { error: 'a number of 32 bits' };
  else bytes.writeFloatLE(number);
  return { value: bytes };
}

interface Range {
  readonly min: bigint;
  readonly max: bigint;
}
const int32: Range = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const uint32: Range = { min: 0n, max: 2n ** 32n - 1n };
const int64: Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const uint64: Range = { min: 0n, max: 2n ** 64n - 1n };

const ranges: ReadonlyMap<number, Range> = new Map([
  [valueTypes.int32, int32],
  [valueTypes.sint32, int32],
  [valueTypes.sfixed32, int32],
  [valueTypes.uint32, uint32],
  [valueTypes.fixed32, uint32],
  [valueTypes.int64, int64],
  [valueTypes.sint64, int64],
  [valueTypes.sfixed64, int64],
  [valueTypes.uint64, uint64],
  [valueTypes.fixed64, uint64],
]);

function integerBytes(type: number, value: Json): Result<Buffer> {
  const range = ranges.get(type) ?? int64;
  const number = integerOf(value);
  if (typeof number === 'string') return { error: number };
  if (number === undefined || number < range.min || number > range.max)
    return { error: `a whole number from ${range.min} to ${range.max}` };
  switch (type) {
    case valueTypes.fixed32:
    case valueTypes.sfixed32:
      return { value: fixed(number, 4) };
    case valueTypes.fixed64:
    case valueTypes.sfixed64:
      return { value: fixed(number, 8) };
    case valueTypes.sint32:
    case valueTypes.sint64:
      return { value: new WireWriter().varint(number < 0n ? number * -2n - 1n : number * 2n).finish() };
    default:
      return { value: new WireWriter().varint(number).finish() };
  }
}

/** Undefined for what is not a whole number, a text for a number that JSON has already rounded. */
function integerOf(value: Json): bigint | string | undefined {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return undefined;
    return Number.isSafeInteger(value)
      ? BigInt(value)
      : 'a number in quotes if it is larger than 9007199254740991, because JSON rounds it';
  }
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function fixed(number: bigint, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, number));
  return buffer.subarray(0, bytes);
}
