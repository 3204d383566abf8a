import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Writes a .proto file, which goes when the suite is over, and returns its path. */
export function writeProto(context: Mocha.Context, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'proto-'));
  context.test?.parent?.afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'test.proto');
  writeFileSync(file, text);
  return file;
}
