import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AcceptedList, changeOf, readAccepted } from './accepted.ts';
import { cover, judgeAll, prepare, testsFor } from './campaign.ts';
import type { Mutant } from './instrument.ts';
import type { Verdict } from './judge.ts';
import { sample } from './sample.ts';

/**
 * `make mutate FOLDER=src/http2`: changes the sources in small ways, one at a time and in memory only, and lists the
 * changes that no unit test notices. Ours because Stryker 10 does not fit: its runner loads a module of mocha that mocha 12
 * no longer has, and its core asks TypeScript 7 for functions that only earlier versions had.
 */

const usage = `node test/mutate/main.ts FOLDER|FILE [--tests GLOB] [--sample N] [--seed N] [--jobs N] [--resume] [--mutant ID] [--list]
  --tests    the test files; by default those of the mirror of FOLDER in test/unit/
  --sample   N mutants drawn at random, to estimate the score of a large folder
  --seed     of the sample; printed
  --jobs     processes at a time, 1 by default
  --resume   take what an earlier run killed as killed (.cache/mutate/); survivors are judged again
  --mutant   judge this one alone
  --list     list the mutants, judge none
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'string', default: '' },
    sample: { type: 'string', default: '' },
    seed: { type: 'string', default: '' },
    jobs: { type: 'string', default: '' },
    resume: { type: 'boolean', default: false },
    mutant: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
  },
});

const acceptedFolder = 'test/mutate/accepted';
const progressEvery = 100;

function numberOf(text: string, fallback: number): number {
  if (text === '') return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`"${text}" is not a number\n${usage}`);
  return value;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function describeMutant(mutant: Mutant): string {
  return `${mutant.file}:${mutant.line}:${mutant.column}  ${changeOf(mutant)}`;
}

type Results = Record<string, Verdict>;

function readResults(file: string): Results {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : {};
}

function isKilled(verdict: Verdict | undefined): boolean {
  return verdict?.status === 'killed' || verdict?.status === 'timed out';
}

async function main(): Promise<number> {
  const target = positionals[0]?.replace(/\/+$/, '');
  if (target === undefined || !target.startsWith('src') || !existsSync(target)) {
    process.stderr.write(`make mutate FOLDER=src/…: name a folder or a file of src/\n${usage}`);
    return 2;
  }
  const campaign = prepare(target);
  const list = new AcceptedList(readAccepted(acceptedFolder));
  const open = campaign.mutants.filter((mutant) => list.reasonFor(mutant) === null);
  const stale = list.stale(new Set(campaign.mutants.map(({ file }) => file)));
  for (const { file, line, change } of stale)
    say(`${acceptedFolder}: no mutant of ${file} is "${change}" in "${line}" any more; remove the entry`);
  if (values.list) {
    for (const mutant of campaign.mutants) say(`${describeMutant(mutant)}  ${mutant.id}`);
    return 0;
  }
  const seed = numberOf(values.seed, Math.floor(Math.random() * 0x1_0000_0000));
  const size = numberOf(values.sample, 0);
  const chosen =
    values.mutant !== ''
      ? campaign.mutants.filter(({ id }) => id === values.mutant)
      : size > 0
        ? sample(open, size, seed)
        : open;
  if (chosen.length === 0) throw new Error(`no mutant to judge in ${target}`);
  if (size > 0) say(`SAMPLE=${size} of ${open.length}, SEED=${seed}`);
  const verdicts = await judge(target, campaign, chosen);
  summarize(chosen, verdicts, campaign.mutants.length - open.length);
  return stale.length > 0 ? 1 : 0;
}

async function judge(
  target: string,
  campaign: ReturnType<typeof prepare>,
  chosen: readonly Mutant[],
): Promise<Results> {
  const resultFile = resolve(`.cache/mutate/${target.replaceAll('/', '-')}.json`);
  const results = readResults(resultFile);
  if (!values.resume) for (const { id } of chosen) delete results[id];
  const left = chosen.filter(({ id }) => values.mutant !== '' || !isKilled(results[id]));
  const tests = values.tests === '' ? testsFor(target) : globSync(values.tests.split(/\s+/)).sort();
  say(`${left.length} mutants to judge by ${tests.length} test files`);
  const save = (): void => {
    mkdirSync(dirname(resultFile), { recursive: true });
    writeFileSync(resultFile, JSON.stringify(results));
  };
  if (left.length > 0) {
    const plan = await cover(campaign, tests, say);
    let judged = 0;
    const began = performance.now();
    const how = { jobs: Math.max(1, numberOf(values.jobs, 1)), confirms: values.mutant !== '' };
    await judgeAll(campaign, plan, left, how, (mutant, verdict) => {
      results[mutant.id] = verdict;
      judged += 1;
      if (values.mutant !== '') say(`${describeMutant(mutant)}  ${verdict.status}: ${verdict.by}`);
      if (judged % progressEvery !== 0) return;
      save();
      const minutes = (performance.now() - began) / 60_000;
      say(`${judged} of ${left.length}, ${minutes.toFixed(1)} minutes`);
    });
    save();
  }
  return results;
}

function summarize(chosen: readonly Mutant[], results: Results, accepted: number): void {
  const survivors = chosen.filter(({ id }) => !isKilled(results[id]));
  for (const mutant of survivors)
    say(`${describeMutant(mutant)}  ${mutant.id}  ${results[mutant.id]?.status ?? 'not judged'}`);
  const byFile = new Map<string, { all: number; survived: number }>();
  for (const mutant of chosen) {
    const sum = byFile.get(mutant.file) ?? { all: 0, survived: 0 };
    byFile.set(mutant.file, sum);
    sum.all += 1;
    if (!isKilled(results[mutant.id])) sum.survived += 1;
  }
  for (const [file, { all, survived }] of byFile)
    if (survived > 0) say(`${file}: ${all - survived} of ${all} killed`);
  const killed = chosen.length - survivors.length;
  const percent = ((100 * killed) / chosen.length).toFixed(1);
  say(`score ${percent}%: ${killed} of ${chosen.length} mutants killed; ${accepted} more are accepted`);
}

process.exitCode = await main();
