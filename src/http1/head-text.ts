import { writeLatin1 } from '../core/bytes.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';

/** Appends a binary string. */
export function writeText(out: OutputBuffer, text: string): void {
  out.reserve(text.length);
  out.length = writeLatin1(out.bytes, out.length, text);
}
