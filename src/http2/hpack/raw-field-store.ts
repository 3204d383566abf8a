import { type ByteChunk, type EncodedName, RawField } from '../../core/raw-field.ts';

/** The first chunk of a store, bytes; each one after it has twice as much, up to `chunkBytesMax`. */
const chunkBytesMin = 256;
/** A field that is kept for long keeps its chunk, so a stream or an entry of a table never costs more than that. */
const chunkBytesMax = 4096;

const noChunk: ByteChunk = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) };

/**
 * Where the values of a connection's new fields lie, one behind the other. Nothing in it is written twice: a full chunk is
 * left to the fields that stand on it, and to the collector after them, which has one object to look after for dozens.
 */
export class RawFieldStore {
  chunk: ByteChunk = noChunk;
  /** Where the next value goes. */
  position = 0;

  /** Makes room for `count` bytes in one piece. */
  reserve(count: number): void {
    if (this.position + count <= this.chunk.bytes.length) return;
    const grown = Math.min(Math.max(chunkBytesMin, this.chunk.bytes.length * 2), chunkBytesMax);
    const bytes = Buffer.allocUnsafeSlow(Math.max(grown, count));
    this.chunk = { bytes, view: new DataView(bytes.buffer) };
    this.position = 0;
  }

  /** A field whose value are the next `length` bytes, which are written already. */
  field(encodedName: EncodedName, length: number): RawField {
    const start = this.position;
    this.position = start + length;
    return new RawField(encodedName, this.chunk, start, length);
  }
}
