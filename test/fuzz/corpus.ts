import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, 'corpus');

export interface StoredInput {
  /** `regressions.hex:3`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The inputs in `corpus/<target>/*.hex`: hex, one a line; what follows `#` says what an input is. */
export function storedInputs(target: string): StoredInput[] {
  const folder = resolve(root, target);
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith('.hex'));
  } catch {
    return [];
  }
  return files.sort().flatMap((file) =>
    parseHexLines(readFileSync(resolve(folder, file), 'utf8')).map(({ line, bytes }) => ({
      name: `${file}:${line}`,
      bytes,
    })),
  );
}

/** Hex, one input a line; an empty input is written as `-`. */
export function parseHexLines(text: string): Array<{ line: number; bytes: Uint8Array }> {
  const inputs: Array<{ line: number; bytes: Uint8Array }> = [];
  for (const [index, line] of text.split('\n').entries()) {
    const hex = line.replace(/#.*$/, '').replaceAll(/\s/g, '');
    if (hex === '') continue;
    if (!/^(-|([0-9a-f]{2})+)$/i.test(hex)) throw new Error(`line ${index + 1} is not hex`);
    inputs.push({ line: index + 1, bytes: Buffer.from(hex === '-' ? '' : hex, 'hex') });
  }
  return inputs;
}

export function hexOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex');
}
