import { Field, FieldKind } from './field.ts';

/** Octets that others stand on; they never change once somebody does. */
export interface OctetChunk {
  readonly bytes: Buffer;
  /** The same octets, for who reads them by words. */
  readonly view: DataView;
}

/** A name without a meaning to us, and how it begins a field. */
export interface Spelling {
  readonly name: string;
  /** All before the value of a plain literal without indexing (RFC 7541 section 6.2.2). */
  readonly octets: Uint8Array;
}

/**
 * A field of no special meaning, well-formed and new to this hop, whose value stays the octets that came: most such ids
 * are only passed on, so their text is made for who asks, and the HPACK encoder copies the octets
 * (`http2/hpack/representation.ts`). It holds its chunk, so whoever keeps a field for long keeps `settled` instead.
 *
 * What is the same of all of them is the prototype's: there may be dozens in a head.
 */
export class OctetField implements Field {
  readonly spelling: Spelling;
  readonly chunk: OctetChunk;
  readonly start: number;
  /** Of the value, octets. */
  readonly length: number;
  private text: string | null = null;

  constructor(spelling: Spelling, chunk: OctetChunk, start: number, length: number) {
    this.spelling = spelling;
    this.chunk = chunk;
    this.start = start;
    this.length = length;
  }

  get name(): string {
    return this.spelling.name;
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
    return this.spelling.name.length + this.length + 32;
  }

  /** An equal field that holds nothing else. */
  get settled(): Field {
    return new Field(this.name, this.value, false, FieldKind.Regular);
  }
}
