import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runWorker, type WorkerResult } from './parent.ts';
import { isTargetName, type TargetName, targetNames, targets } from './registry.ts';

/** `make fuzz`: every target for its share of the time, one after the other, each in a process of its own. */

const usage = `node test/fuzz/main.ts [--seconds 60] [--target NAME] [--seed N] [--input FILE | --hex HEX] [--distil] [--list]
targets: ${targetNames.join(', ')}
`;

function numberOf(text: string | undefined, fallback: number): number {
  const value = text === undefined || text === '' ? fallback : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`"${text}" is not a number\n${usage}`);
  return value;
}

function chosenTargets(name: string | undefined): readonly TargetName[] {
  if (name === undefined || name === '') return targetNames;
  if (!isTargetName(name)) throw new Error(`there is no target "${name}"\n${usage}`);
  return [name];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    target: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    hex: { type: 'string' },
    distil: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const seconds = numberOf(values.seconds, 60);
const seed = numberOf(values.seed, Math.floor(Math.random() * 0x1_0000_0000));
const chosen = chosenTargets(values.target);
const folder = mkdtempSync(join(tmpdir(), 'outrigger-fuzz-'));

function report(name: TargetName, result: WorkerResult): boolean {
  if (result.failure === null) return true;
  const file = join(tmpdir(), `outrigger-fuzz-${name}-${seed}.hex`);
  writeFileSync(file, `${result.failure.hex}\n`);
  process.stdout.write(`${name}: FAILED, seed ${seed}: ${result.failure.problem}
  input: ${result.failure.hex.slice(0, 2000)}
  which is in ${file}; to run it again: make fuzz TARGET=${name} INPUT=${file}
  to run all that led to it: make fuzz TARGET=${name} SEED=${seed}
`);
  return false;
}

async function fuzzAll(): Promise<number> {
  if (values.list) {
    for (const name of chosen)
      process.stdout.write(`${name.padEnd(14)}${(await targets[name].load()).about}\n`);
    return 0;
  }
  let replayFile = values.input || null;
  if (values.hex) {
    replayFile = join(folder, 'input.hex');
    writeFileSync(replayFile, `${values.hex}\n`);
  }
  if (replayFile !== null && chosen.length > 1)
    throw new Error(`an input is for one target; name it\n${usage}`);
  if (replayFile === null)
    process.stdout.write(`seed ${seed}, ${seconds} s over ${chosen.length} targets, coverage-guided\n`);
  const shares = chosen.reduce((sum, name) => sum + targets[name].share, 0);
  let failed = 0;
  for (const name of chosen) {
    const order = {
      target: name,
      seed,
      seconds: (seconds * targets[name].share) / shares,
      batchFile: join(folder, `${name}.hex`),
      replayFile,
      distil: values.distil,
    };
    if (!report(name, await runWorker(order))) failed++;
  }
  process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

mkdirSync(folder, { recursive: true });
try {
  process.exitCode = await fuzzAll();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
