import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSamples } from '../check/program.ts';
import { type Instrumented, instrument, type Mutant } from './instrument.ts';
import { Judge, type Verdict } from './judge.ts';
import type { Start } from './messages.ts';
import { Plan } from './plan.ts';
import { WorkerHandle } from './worker-handle.ts';

export interface Campaign {
  readonly mutants: readonly Mutant[];
  readonly start: Omit<Start, 'active' | 'judgesLeaks'>;
}

const coverMsMax = 300_000;

/** Instruments every source file of a folder, or one file. Paths are from the root of the repository. */
export function prepare(target: string): Campaign {
  const paths = statSync(target).isDirectory() ? globSync(`${target}/**/*.ts`).sort() : [target];
  const files = parseSamples(Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'utf8')])));
  const mutants: Mutant[] = [];
  const sources: Record<string, string> = {};
  for (const file of files) {
    const done: Instrumented = instrument(file, mutants.length + 1);
    mutants.push(...done.mutants);
    sources[pathToFileURL(resolve(file.path)).href] = done.source;
  }
  return { mutants, start: { sources, count: mutants.length } };
}

/** Returns the test files that judge a target: those of the folder under `test/unit/` that mirrors it. */
export function testsFor(target: string): string[] {
  const folder = statSync(target).isDirectory() ? target : dirname(target);
  return globSync(`${folder.replace(/^src(?=\/|$)/, 'test/unit')}/**/*.test.ts`).sort();
}

/**
 * Runs each test file once with no mutant awake, to see which test reaches what. `report` gets what judges nothing, and why.
 */
export async function cover(
  campaign: Campaign,
  testFiles: readonly string[],
  report: (line: string) => void,
): Promise<Plan> {
  let worker = await WorkerHandle.start({ ...campaign.start, active: 0, judgesLeaks: false });
  try {
    const plan = new Plan(await worker.loadSources());
    for (const file of testFiles) {
      const coverage = await worker.cover(file, coverMsMax);
      if (typeof coverage === 'string') {
        report(`${file}: ${coverage} with no mutant awake; it judges nothing. ${worker.errorOutput}`);
        await worker.end();
        worker = await WorkerHandle.start({ ...campaign.start, active: 0, judgesLeaks: false });
        continue;
      }
      if (coverage.problem !== null) report(`${file}: ${coverage.problem}; it judges nothing`);
      for (const { title, failed } of coverage.tests)
        if (failed) report(`${file}: "${title}" fails with no mutant awake; it judges nothing`);
      if (coverage.problem === null) plan.add(file, coverage);
    }
    return plan;
  } finally {
    await worker.end();
  }
}

/** Judges mutants in `jobs` processes at a time, survivors once more where it `confirms`; `done` gets each verdict as it is found. */
export async function judgeAll(
  campaign: Campaign,
  plan: Plan,
  mutants: readonly Mutant[],
  { jobs, confirms }: { jobs: number; confirms: boolean },
  done: (mutant: Mutant, verdict: Verdict) => void,
): Promise<void> {
  const queue = [...mutants];
  const work = async (): Promise<void> => {
    const judge = new Judge(campaign.start, plan, confirms);
    try {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift())
        done(mutant, await judge.judge(mutant));
    } finally {
      await judge.end();
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}
