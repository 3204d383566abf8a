import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import { fileOfConfig, type LoadResult, loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/table.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { checkSafeRegex } from '../../../src/routing/safe-regex.ts';
import { formatProblem, problemsMax } from '../../../src/schema/problem.ts';
import { ByteSource } from '../byte-source.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';
import { applyEdit, editBytes, keysOf } from '../tree-edit.ts';

const folder = resolve(import.meta.dirname, '../../../examples');
const exampleTexts = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .sort()
  .map((file) => readFileSync(resolve(folder, file), 'utf8'));
const examples = exampleTexts.map((text) => parse(text) as unknown);

/** Everything that may be written, with all defaults: what the edits take keys and values from. */
const whole = load(readFileSync(resolve(folder, 'outrigger.yaml')));
if (whole.config === undefined) throw new Error('examples/outrigger.yaml is not valid');
const full = fileOfConfig(whole.config);
const keys = [...new Set([full, ...examples].flatMap(keysOf))];

function load(bytes: Buffer): LoadResult {
  return loadConfig({
    flags: { config: 'f.yaml' },
    env: {},
    checkRegex: checkSafeRegex,
    readFile: (path) =>
      path === 'f.yaml' ? { value: bytes } : { error: 'does not exist; write the path of a file' },
  });
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const form = source.below(8);
  if (form === 0) return judge(Buffer.from(source.rest()));
  const example = source.below(examples.length + 1);
  if (form === 1) return judge(spliced(exampleTexts[example % exampleTexts.length], source));
  let tree: unknown = structuredClone(example === examples.length ? full : examples[example]);
  while (source.left >= editBytes) tree = applyEdit(tree, source.take(editBytes), keys, full);
  const text = form < 5 ? stringify(tree, { aliasDuplicateObjects: form === 4 }) : JSON.stringify(tree);
  judge(Buffer.from(text ?? ''));
}

/** An example with bytes of the input written over it at places that the input names. */
function spliced(text: string, source: ByteSource): Buffer {
  let bytes: Buffer = Buffer.from(text);
  while (source.left > 0) {
    const at = source.u16() % (bytes.length + 1);
    const gone = source.below(16);
    const piece = source.take(source.below(16));
    bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + gone)]);
  }
  return bytes;
}

function judge(bytes: Buffer): void {
  const loaded = load(bytes);
  for (const problem of [...loaded.warnings, ...(loaded.problems ?? [])]) {
    const line = formatProblem(problem);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    check(!/[\x00-\x1f]/.test(line), `a problem is one line of print: ${JSON.stringify(line)}`);
    check(line.length < 4000, `a problem of ${line.length} characters`);
    check(problem.message !== '', 'a problem says something');
    const lines = bytes.toString('utf8').split(/\r\n|\n|\r/).length;
    check(problem.line >= 0 && problem.line <= lines + 1, `line ${problem.line} of ${lines}`);
  }
  if (loaded.config === undefined) {
    const count = loaded.problems.length;
    return check(count > 0 && count <= problemsMax + 1, `a refusal with ${count} problems`);
  }
  accepted(loaded.config);
}

/** What was accepted is whole: it can be written out and read back, and its routes compile. */
function accepted(config: Config): void {
  check(Object.isFrozen(config) && Object.isFrozen(config.clusters), 'it is frozen');
  const again = load(Buffer.from(JSON.stringify(fileOfConfig(config))));
  check(
    again.config !== undefined,
    `what was accepted is refused when written out: ${again.problems?.map(formatProblem).join('; ')}`,
  );
  check(isDeepStrictEqual(again.config, config), 'what was accepted reads back as the same');
  for (const listener of config.listeners)
    compileRoutes(listener.routes.map(({ name, match }) => ({ name, match: match ?? {}, plan: name })));
}

export const config: FuzzTarget = {
  about: 'any file is loaded or refused in print; what is loaded can be written out, read back and compiled',
  inputBytesMax: 2 + editBytes * 24,
  recordBytes: editBytes,
  headBytes: 2,
  dictionary: [
    '\n- ',
    ': ',
    '{',
    '}',
    '[',
    '&a ',
    '*a',
    '!!int ',
    '"',
    '\t',
    '\r',
    '|\n',
    '? ',
    '<<: ',
    '---\n',
  ].map(bytesOf),
  seeds: () => [
    ...examples.map((_, index) => Uint8Array.of(2, index)),
    ...examples.map((_, index) => Uint8Array.of(6, index)),
    Uint8Array.of(2, examples.length),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((op) => Uint8Array.of(3, 1, op, 3, 5, 7, 11, 13, 17, 19)),
    Uint8Array.of(1, 0, 0, 40, 3, 2, 58, 10),
    Buffer.concat([Uint8Array.of(0), Buffer.from('a: &a [*a]')]),
    Buffer.concat([Uint8Array.of(0), Buffer.from('a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]')]),
    Buffer.concat([Uint8Array.of(0), Buffer.from('{"listeners": []}')]),
    Buffer.concat([Uint8Array.of(0), Buffer.from('['.repeat(150))]),
    Buffer.concat([Uint8Array.of(0), Buffer.from('"__proto__": {"a": 1}\n"a\\nb": 1')]),
  ],
  run,
};
