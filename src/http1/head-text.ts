import { writeLatin1 } from '../core/bytes.ts';
import type { Field } from '../core/field.ts';
import { copyWords } from '../core/int32-view.ts';
import { RawField } from '../core/raw-field.ts';
import { TraceparentField, writeTraceparent } from '../core/traceparent-field.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const colon = 0x3a;
const space = 0x20;

/** Appends a binary string. */
export function writeText(out: OutputBuffer, text: string): void {
  out.reserve(text.length);
  out.length = writeLatin1(out.bytes, out.length, text);
}

/** Appends `before`, which includes the name and the colon, and a value as one line. */
export function writeLine(out: OutputBuffer, before: string, value: string): void {
  out.reserve(before.length + value.length + 2);
  const { bytes } = out;
  const at = writeLatin1(bytes, writeLatin1(bytes, out.length, before), value);
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  out.length = at + 2;
}

/** Appends a field as one line. */
export function writeField(out: OutputBuffer, field: Field): void {
  const { name } = field;
  const valueBytes = field.size - name.length - 32;
  out.reserve(name.length + valueBytes + 4);
  const { bytes } = out;
  let at = writeLatin1(bytes, out.length, name);
  bytes[at++] = colon;
  bytes[at++] = space;
  // The two whose text is made only for who needs it; here the bytes do.
  if (field instanceof TraceparentField) at = writeTraceparent(bytes, at, field);
  else if (field instanceof RawField && valueBytes >= 4)
    at = copyWords(field.chunk.view, field.start, valueBytes, out.view, at);
  else at = writeLatin1(bytes, at, field.value);
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  out.length = at + 2;
}
