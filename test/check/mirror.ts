import { posix } from 'node:path';
import { importsOf } from './imports.ts';
import type { CheckedFile } from './program.ts';

/** Shorter files are types, tables and glue that other tests go through. */
const untestedLinesMax = 40;

/**
 * Files in `src/` that no test imports or is named after, nor any neighbour that a test imports. A hint for whoever looks
 * for gaps, not a failure: they may be tested from outside.
 */
export function findUntested(files: readonly CheckedFile[]): string[] {
  const tests = files.filter((file) => file.path.startsWith('test/') && file.path.endsWith('.test.ts'));
  const imports = new Map(files.map((file) => [file.path, importsOf(file).map(({ path }) => path ?? '')]));
  const tested = new Set(tests.flatMap((file) => imports.get(file.path) ?? []));
  for (const path of [...tested]) {
    for (const next of imports.get(path) ?? [])
      if (posix.dirname(next) === posix.dirname(path)) tested.add(next);
  }
  const names = new Set(tests.map((file) => posix.basename(file.path, '.test.ts')));
  return files
    .filter(({ path, text }) => path.startsWith('src/') && text.split('\n').length >= untestedLinesMax)
    .map(({ path }) => path)
    .filter((path) => !tested.has(path) && !names.has(posix.basename(path, '.ts')));
}
