import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import {
  type EnumDescriptor,
  type FieldDescriptor,
  type MessageDescriptor,
  valueTypes,
} from './descriptors.ts';
import { isJsonObject, type Json, type JsonObject, messageDepthMax } from './json.ts';
import { isMessage, isPackable, wireTypeOf } from './message-to-json.ts';
import { scalarBytes } from './scalar-bytes.ts';
import { anyName, nullValueName, wellKnownTypes } from './well-known-types.ts';
import { wireTypes } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/**
 * Encodes JSON as the message that it stands for (ProtoJSON format): names as the definition has them or in lowerCamelCase.
 * The error is a sentence with the path of the wrong value, what is wrong and what to write.
 */
export function jsonToMessage(pool: DescriptorPool, type: MessageDescriptor, json: Json): Result<Buffer> {
  try {
    return { value: new Encoder(pool).message(type, json, '', 0) };
  } catch (error) {
    if (error instanceof InvalidValue) return { error: error.message };
    throw error;
  }
}

/** What is wrong with a value; caught by `jsonToMessage` alone. */
class InvalidValue extends Error {}

function invalid(path: string, problem: string): never {
  throw new InvalidValue(`${path === '' ? 'the message' : path} ${problem}`);
}

class Encoder {
  private readonly pool: DescriptorPool;

  constructor(pool: DescriptorPool) {
    this.pool = pool;
  }

  message(type: MessageDescriptor, json: Json, path: string, depth: number): Buffer {
    if (depth > messageDepthMax) invalid(path, `is nested more than ${messageDepthMax} deep`);
    const special = wellKnownTypes.get(type.fullName);
    if (special !== undefined) {
      const plain = special.read(json);
      if (plain === undefined) return invalid(path, `must be ${special.form}, not ${shown(json)}`);
      return this.members(type, plain, path, depth);
    }
    if (!isJsonObject(json)) return invalid(path, `must be a JSON object, not ${shown(json)}`);
    return type.fullName === anyName
      ? this.any(type, json, path, depth)
      : this.members(type, json, path, depth);
  }

  private members(type: MessageDescriptor, json: JsonObject, path: string, depth: number): Buffer {
    const writer = new WireWriter();
    const oneofs = new Map<string, string>();
    for (const [name, value] of Object.entries(json)) {
      const at = path === '' ? name : `${path}.${name}`;
      const field = type.byName.get(name);
      if (field === undefined) return invalid(at, unknownName(type, name));
      if (value === null && !this.takesNull(field)) continue;
      this.checkOneof(field, name, at, oneofs);
      this.field(field, value, at, writer, depth);
    }
    return writer.finish();
  }

  private checkOneof(
    { oneof }: FieldDescriptor,
    name: string,
    at: string,
    oneofs: Map<string, string>,
  ): void {
    if (oneof === undefined) return;
    const other = oneofs.get(oneof);
    if (other !== undefined)
      invalid(at, `and "${other}" are alternatives of the oneof "${oneof}"; write one of them`);
    oneofs.set(oneof, name);
  }

  private takesNull(field: FieldDescriptor): boolean {
    const name = this.pool.typeOf(field)?.fullName ?? '';
    return !field.repeated && (name === nullValueName || wellKnownTypes.get(name)?.takesNull === true);
  }

  private field(field: FieldDescriptor, value: Json, path: string, writer: WireWriter, depth: number): void {
    const type = isMessage(field) ? this.pool.typeOf(field) : undefined;
    if (type?.kind === 'message' && type.isMapEntry) return this.map(field, type, value, path, writer, depth);
    if (!field.repeated) return this.one(field, value, path, writer, depth);
    if (!Array.isArray(value)) return invalid(path, `must be a JSON array, not ${shown(value)}`);
    const items = value as readonly Json[];
    if (items.length === 0) return;
    if (isPackable(field)) {
      const packed = items.map((item, i) => this.scalar(field, item, `${path}[${i}]`));
      writer.tag(field.number, wireTypes.bytes).delimited(Buffer.concat(packed));
    } else for (const [i, item] of items.entries()) this.one(field, item, `${path}[${i}]`, writer, depth);
  }

  private one(field: FieldDescriptor, value: Json, path: string, writer: WireWriter, depth: number): void {
    const { number } = field;
    if (!isMessage(field)) {
      writer.tag(number, wireTypeOf(field.type)).raw(this.scalar(field, value, path));
      return;
    }
    const type = this.pool.typeOf(field);
    if (type?.kind !== 'message')
      return invalid(path, `has the type "${field.typeName}", whose definition is missing`);
    const bytes = this.message(type, value, path, depth + 1);
    if (field.type === valueTypes.group)
      writer.tag(number, wireTypes.groupStart).raw(bytes).tag(number, wireTypes.groupEnd);
    else writer.tag(number, wireTypes.bytes).delimited(bytes);
  }

  private map(
    field: FieldDescriptor,
    type: MessageDescriptor,
    json: Json,
    path: string,
    writer: WireWriter,
    depth: number,
  ): void {
    if (!isJsonObject(json)) return invalid(path, `must be a JSON object, not ${shown(json)}`);
    const keyField = type.byNumber.get(1);
    const valueField = type.byNumber.get(2);
    if (keyField === undefined || valueField === undefined)
      return invalid(path, 'has a definition without a key or a value');
    for (const [name, value] of Object.entries(json)) {
      const at = `${path}[${JSON.stringify(name)}]`;
      const entry = new WireWriter();
      const key = keyField.type === valueTypes.bool && /^(?:true|false)$/.test(name) ? name === 'true' : name;
      this.one(keyField, key, at, entry, depth + 1);
      this.one(valueField, value, at, entry, depth + 1);
      writer.tag(field.number, wireTypes.bytes).delimited(entry.finish());
    }
  }

  private any(type: MessageDescriptor, json: JsonObject, path: string, depth: number): Buffer {
    const { '@type': typeUrl, ...rest } = json;
    if (typeUrl === undefined && Object.keys(rest).length === 0) return Buffer.alloc(0);
    if (typeof typeUrl !== 'string')
      return invalid(path, 'is an Any and has no "@type"; write "type.googleapis.com/package.Message" there');
    const inner = this.pool.message(typeUrl.replace(/^.*\//, ''));
    if (inner === undefined) return invalid(path, `has the type "${typeUrl}", whose definition is missing`);
    const isSpecial = wellKnownTypes.has(inner.fullName) || inner.fullName === anyName;
    const bytes = this.message(inner, isSpecial ? (rest.value ?? null) : rest, path, depth + 1);
    return this.members(type, { typeUrl, value: bytes.toString('base64') }, path, depth);
  }

  private scalar(field: FieldDescriptor, value: Json, path: string): Buffer {
    const type = this.pool.typeOf(field);
    if (field.type === valueTypes.enum && type?.kind === 'enum') {
      const number = enumNumber(type, value);
      if (number === undefined) return invalid(path, `must be ${namesOf(type)}, not ${shown(value)}`);
      return new WireWriter().varint(number).finish();
    }
    const { value: bytes, error } = scalarBytes(field.type, value);
    return bytes ?? invalid(path, `must be ${error}, not ${shown(value)}`);
  }
}

function enumNumber(type: EnumDescriptor, value: Json): number | undefined {
  if (value === null && type.fullName === nullValueName) return 0;
  if (typeof value === 'string') return type.byName.get(value);
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 0x7fff_ffff
    ? value
    : undefined;
}

/** Names that one sentence can list. */
const namesMax = 8;

function namesOf({ fullName, byName }: EnumDescriptor): string {
  const names = [...byName.keys()];
  const more = names.length > namesMax ? `, … (${names.length} in all)` : '';
  return `a value of ${fullName} (${names.slice(0, namesMax).join(', ')}${more})`;
}

function unknownName(type: MessageDescriptor, name: string): string {
  const names = new Set([...type.byNumber.values()].map(({ jsonName }) => jsonName));
  const near = nearestName(name, names);
  const known = names.size === 0 ? 'which is empty' : `which has ${[...names].slice(0, namesMax).join(', ')}`;
  return `is not in ${type.fullName}, ${near === undefined ? known : `did you mean "${near}"?`}`;
}

const shownCharsMax = 60;

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;
}
