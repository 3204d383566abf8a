import { ByteKey, equalBytes, hashBytes } from '../../core/bytes.ts';
import { FieldKind, kindOfName } from '../../core/field.ts';
import type { EncodedName } from '../../core/raw-field.ts';
import { encodeName } from './representation.ts';
import { staticFields, staticNames } from './static-table.ts';

/** Names longer than this on the wire are too rare to keep. */
const wireBytesMax = 32;
const slotCount = 256;

export interface KnownName {
  readonly name: string;
  /** See `kindOfName`. */
  readonly kind: FieldKind | undefined;
  /** Of names without a meaning to us, see `RawField`; null for the others. */
  readonly encodedName: EncodedName | null;
}
interface NameSlot extends KnownName {
  readonly huffman: boolean;
  readonly wire: ByteKey;
}

/**
 * The header names that literals stand for, by their bytes. Direct-mapped, and shared by the decoders of a process: a new name
 * overwrites, so it never holds more than 256 short ones.
 *
 * Few names are ever in use, but a peer that does not index a field (a trace header that is new on each call) spells its
 * name out every time: this saves decoding it, and gives the same string, whose hash the engine has at hand.
 */
export class NameCache {
  private readonly slots: Array<NameSlot | null> = new Array(slotCount).fill(null);

  /** Returns the header name that these bytes of a literal stand for, or null where they were not kept. */
  find(bytes: Uint8Array, start: number, end: number, huffman: boolean): KnownName | null {
    if (end - start > wireBytesMax) return null;
    const slot = this.slots[hashBytes(bytes, start, end, 0) & (slotCount - 1)];
    if (slot === null || slot.huffman !== huffman || !equalBytes(bytes, start, end, slot.wire)) return null;
    return slot;
  }

  /** Keeps the name that the bytes were decoded to, and returns what `find` will. */
  keep(bytes: Uint8Array, start: number, end: number, huffman: boolean, text: string): KnownName {
    // The very string of the static table, so that a look-up by it compares no characters.
    const entry = staticNames.get(text);
    const name = entry === undefined ? text : staticFields[entry.index - 1].name;
    // To spell a long one, which would be done again each time, costs more than it saves, and its memory once more.
    if (end - start > wireBytesMax) return { name, kind: kindOfName(name), encodedName: null };
    const slot = { ...knownName(name), huffman, wire: new ByteKey(bytes, start, end) };
    this.slots[hashBytes(bytes, start, end, 0) & (slotCount - 1)] = slot;
    return slot;
  }
}

function knownName(name: string): KnownName {
  const kind = kindOfName(name);
  return { name, kind, encodedName: kind === FieldKind.Regular ? encodeName(name) : null };
}

/** The names of the static table, by index from 1. */
export const staticKnownNames: readonly KnownName[] = staticFields.map(({ name }) => knownName(name));
