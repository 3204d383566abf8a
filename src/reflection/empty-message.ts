import type { DescriptorPool } from './descriptor-pool.ts';
import { type FieldDescriptor, type MessageDescriptor, valueTypes } from './descriptors.ts';
import type { Json } from './json.ts';
import { anyName, wellKnownTypes } from './well-known-types.ts';

/** Levels of messages within messages that are shown, and fields in all; deeper ones are null. */
const levelsMax = 5;
const fieldsMax = 200;

/**
 * Returns a message with all its fields empty, for a person to fill in: the JSON of it is accepted by `jsonToMessage`. Of a
 * oneof, the first field is there. A field is null, which stands for none, where its type has a form of its own or contains itself.
 */
export function emptyMessage(pool: DescriptorPool, type: MessageDescriptor): Json {
  return new Template(pool).message(type, []);
}

class Template {
  private readonly pool: DescriptorPool;
  private fields = 0;

  constructor(pool: DescriptorPool) {
    this.pool = pool;
  }

  message(type: MessageDescriptor, around: readonly MessageDescriptor[]): Json {
    const within = [...around, type];
    const json: Record<string, Json> = {};
    const oneofs = new Set<string>();
    for (const field of type.byNumber.values()) {
      if (this.fields >= fieldsMax) break;
      if (field.oneof !== undefined && oneofs.has(field.oneof)) continue;
      if (field.oneof !== undefined) oneofs.add(field.oneof);
      this.fields++;
      json[field.jsonName] = this.value(field, within);
    }
    return json;
  }

  private value(field: FieldDescriptor, within: readonly MessageDescriptor[]): Json {
    const type = this.pool.typeOf(field);
    if (type?.kind === 'message' && type.isMapEntry) return {};
    if (field.repeated) return [];
    if (type?.kind === 'enum') return type.byNumber.get(0) ?? [...type.byName.keys()][0] ?? 0;
    if (type?.kind === 'message') {
      const isPlain = !wellKnownTypes.has(type.fullName) && type.fullName !== anyName;
      return isPlain && within.length < levelsMax && !within.includes(type)
        ? this.message(type, within)
        : null;
    }
    return scalar(field.type);
  }
}

function scalar(type: number): Json {
  switch (type) {
    case valueTypes.bool:
      return false;
    case valueTypes.string:
    case valueTypes.bytes:
      return '';
    case valueTypes.message:
    case valueTypes.group:
    case valueTypes.enum: // its definition is missing
      return null;
    default:
      return 0;
  }
}
