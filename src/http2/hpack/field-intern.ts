import type { Field } from '../../core/field.ts';
import { RawField } from '../../core/raw-field.ts';

/** A longer value is not worth sharing, and would make the bound on the number of entries no bound on memory. */
const valueBytesMax = 256;
const nameBytesMax = 64;

/**
 * Equal fields of all connections made one object, so that whatever is remembered per field (its encoded bytes, its
 * place in an encoder's table) is remembered once. Bounded by starting over when full: the fields in use come
 * back at their next first sight, and those who hold older ones still hold equal ones.
 */
export class FieldInterner {
  private readonly entriesMax: number;
  private entries = 0;
  private readonly valuesByName = new Map<string, Map<string, Field>>();

  constructor(entriesMax = 1024) {
    this.entriesMax = entriesMax;
  }

  /**
   * The one object equal to `newcomer`, marked as repeated. Never called for a sensitive field, whose value must not
   * be compared across connections (RFC 7541 section 7.1).
   */
  intern(newcomer: Field): Field {
    const field = newcomer instanceof RawField ? newcomer.standalone : newcomer;
    field.repeated = true;
    if (field.value.length > valueBytesMax || field.name.length > nameBytesMax) return field;
    const known = this.valuesByName.get(field.name)?.get(field.value);
    if (known !== undefined) return known;
    if (this.entries >= this.entriesMax) {
      this.valuesByName.clear();
      this.entries = 0;
    }
    let values = this.valuesByName.get(field.name);
    if (values === undefined) {
      values = new Map();
      this.valuesByName.set(field.name, values);
    }
    values.set(field.value, field);
    this.entries++;
    return field;
  }
}
