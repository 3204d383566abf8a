import { Field, FieldKind } from './field.ts';

/** Bytes that fields point into. Nothing changes them once a field does. */
export interface ByteChunk {
  readonly bytes: Buffer;
  /** The same bytes, to be read 32 bits at a time. */
  readonly view: DataView;
}

/** A name that has no meaning to Outrigger, with its encoded form. */
export interface EncodedName {
  readonly name: string;
  /** All that comes before the value in a literal without indexing (RFC 7541 section 6.2.2). */
  readonly prefix: Uint8Array;
}

/**
 * A well-formed field without a special meaning, seen for the first time on this hop, whose value stays the bytes that were
 * received. Most such values are ids that are only passed on: their text is made when somebody reads it, and the HPACK
 * encoder copies the bytes (`http2/hpack/representation.ts`). A field keeps its whole chunk alive, so code that keeps a
 * field for long keeps `standalone` instead.
 *
 * Getters on the prototype return what is equal in all of them: a head may hold dozens.
 */
export class RawField implements Field {
  readonly encodedName: EncodedName;
  readonly chunk: ByteChunk;
  readonly start: number;
  /** Of the value, bytes. */
  readonly length: number;
  private text: string | null = null;

  constructor(encodedName: EncodedName, chunk: ByteChunk, start: number, length: number) {
    this.encodedName = encodedName;
    this.chunk = chunk;
    this.start = start;
    this.length = length;
  }

  get name(): string {
    return this.encodedName.name;
  }
  get kind(): FieldKind {
    return FieldKind.Regular;
  }
  get sensitive(): boolean {
    return false;
  }
  get repeated(): boolean {
    return false;
  }
  get literal(): null {
    return null;
  }

  get value(): string {
    if (this.text === null)
      this.text = this.chunk.bytes.toString('latin1', this.start, this.start + this.length);
    return this.text;
  }

  get size(): number {
    return this.encodedName.name.length + this.length + 32;
  }

  /** Returns an equal field that keeps no chunk alive. */
  get standalone(): Field {
    return new Field(this.name, this.value, false, FieldKind.Regular);
  }
}
