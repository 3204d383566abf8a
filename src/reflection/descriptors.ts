/** Types of values, by their number in `FieldDescriptorProto.Type` of descriptor.proto. */
export const valueTypes = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  group: 10,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
} as const;

export interface FieldDescriptor {
  readonly name: string;
  /** The name in JSON: lowerCamelCase, unless the definition sets another one. */
  readonly jsonName: string;
  readonly number: number;
  /** One of `valueTypes`. */
  readonly type: number;
  /** Of an enum, a message or a group: the type as the definition names it, relative to `scope` or with a leading dot. */
  readonly typeName: string;
  readonly scope: string;
  readonly repeated: boolean;
  /** The name of the oneof that it belongs to; undefined for none. An `optional` of proto3 belongs to none. */
  readonly oneof: string | undefined;
}

export interface MessageDescriptor {
  readonly kind: 'message';
  readonly fullName: string;
  readonly isMapEntry: boolean;
  readonly byNumber: ReadonlyMap<number, FieldDescriptor>;
  /** By the name of the definition and by the name in JSON. */
  readonly byName: ReadonlyMap<string, FieldDescriptor>;
}

export interface EnumDescriptor {
  readonly kind: 'enum';
  readonly fullName: string;
  readonly byNumber: ReadonlyMap<number, string>;
  readonly byName: ReadonlyMap<string, number>;
}

export interface MethodDescriptor {
  /** `package.Service/Method`, without the slash in front. */
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export interface ServiceDescriptor {
  readonly fullName: string;
  readonly methods: ReadonlyMap<string, MethodDescriptor>;
}

/** What one .proto file defines. */
export interface FileDescriptor {
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly messages: readonly MessageDescriptor[];
  readonly enums: readonly EnumDescriptor[];
  readonly services: readonly ServiceDescriptor[];
}
