import type { Result } from '../core/result.ts';
import {
  type EnumDescriptor,
  type FieldDescriptor,
  type FileDescriptor,
  type MessageDescriptor,
  type MethodDescriptor,
  type ServiceDescriptor,
  valueTypes,
} from './descriptors.ts';
import { RawMessage } from './raw-message.ts';

/** Messages inside messages; deeper ones are an attack. */
const nestingMax = 32;
const labelRepeated = 3;

/**
 * Reads a `FileDescriptorProto` (google/protobuf/descriptor.proto, which has the numbers below). By hand and not with
 * protobuf.js: that one makes functions of the names in a definition, and these come from a server that nobody has checked.
 */
export function parseFileDescriptor(bytes: Buffer): Result<FileDescriptor> {
  try {
    return { value: readFile(new RawMessage(bytes)) };
  } catch (error) {
    return { error: `the definition of a .proto file is malformed: ${(error as Error).message}` };
  }
}

/** Reads the files of a `FileDescriptorSet`, as `protoc --descriptor_set_out` writes it. */
export function filesOfDescriptorSet(bytes: Buffer): Result<Buffer[]> {
  try {
    return { value: new RawMessage(bytes).parts(1) };
  } catch (error) {
    return { error: `it is not a descriptor set: ${(error as Error).message}` };
  }
}

interface Found {
  readonly messages: MessageDescriptor[];
  readonly enums: EnumDescriptor[];
}

function readFile(file: RawMessage): FileDescriptor {
  const name = file.text(1);
  if (name === '') throw new RangeError('the file has no name');
  const packageName = file.text(2);
  const found: Found = { messages: [], enums: [] };
  for (const part of file.parts(4)) readMessage(new RawMessage(part), packageName, found, 0);
  for (const part of file.parts(5)) found.enums.push(readEnum(new RawMessage(part), packageName));
  const services = file.parts(6).map((part) => readService(new RawMessage(part), packageName));
  return { name, dependencies: file.texts(3), ...found, services };
}

function readMessage(message: RawMessage, scope: string, found: Found, depth: number): void {
  if (depth > nestingMax) throw new RangeError(`messages are nested more than ${nestingMax} deep`);
  const fullName = joined(scope, message.text(1));
  const oneofs = message.parts(8).map((part) => new RawMessage(part).text(1));
  const fields = message
    .parts(2)
    .map((part) => readField(new RawMessage(part), fullName, oneofs))
    .filter((field) => field !== undefined);
  const byName = new Map(fields.map((field) => [field.jsonName, field]));
  for (const field of fields) byName.set(field.name, field);
  found.messages.push({
    kind: 'message',
    fullName,
    isMapEntry: message.parts(7).some((options) => new RawMessage(options).int32(7) !== 0),
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName,
  });
  for (const part of message.parts(3)) readMessage(new RawMessage(part), fullName, found, depth + 1);
  for (const part of message.parts(4)) found.enums.push(readEnum(new RawMessage(part), fullName));
}

/** Returns undefined for an extension, which belongs to another message: protobuf.js writes some where they do not belong. */
function readField(field: RawMessage, scope: string, oneofs: readonly string[]): FieldDescriptor | undefined {
  const name = field.text(1);
  if (field.text(2) !== '') return undefined;
  const number = field.int32(3);
  const type = field.int32(5);
  if (number <= 0 || type < valueTypes.double || type > valueTypes.sint64)
    throw new RangeError(`the definition of ${scope}.${name} has no valid number or type`);
  const isOptional = field.int32(17) !== 0;
  return {
    name,
    jsonName: field.text(10) || camelCase(name),
    number,
    type,
    typeName: field.text(6),
    scope,
    repeated: field.int32(4) === labelRepeated,
    oneof: field.has(9) && !isOptional ? oneofs[field.int32(9)] : undefined,
  };
}

function readEnum(message: RawMessage, scope: string): EnumDescriptor {
  const byNumber = new Map<number, string>();
  const byName = new Map<string, number>();
  for (const part of message.parts(2)) {
    const value = new RawMessage(part);
    const number = value.int32(2);
    byName.set(value.text(1), number);
    // With aliases the first name is the one that is shown.
    if (!byNumber.has(number)) byNumber.set(number, value.text(1));
  }
  return { kind: 'enum', fullName: joined(scope, message.text(1)), byNumber, byName };
}

function readService(service: RawMessage, scope: string): ServiceDescriptor {
  const fullName = joined(scope, service.text(1));
  const methods = service.parts(2).map((part) => {
    const method = new RawMessage(part);
    return [method.text(1), readMethod(method, fullName)] as const;
  });
  return { fullName, methods: new Map(methods) };
}

function readMethod(method: RawMessage, service: string): MethodDescriptor {
  return {
    name: `${service}/${method.text(1)}`,
    input: method.text(2),
    output: method.text(3),
    requestStream: method.int32(5) !== 0,
    responseStream: method.int32(6) !== 0,
  };
}

function joined(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

/** `user_id` as JSON names it, `userId` (ProtoJSON format, "Field names"). */
export function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])?/gi, (_all, letter: string | undefined) => (letter ?? '').toUpperCase());
}
