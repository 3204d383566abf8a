import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import fc from 'fast-check';
import Mocha from 'mocha';
import type { Answer, Coverage, CoveredTest, Order, RunResult, Start } from './messages.ts';
import { MutantSwitch } from './switch.ts';

/**
 * The process in which mutants live. Sources under test come instrumented from the parent, by a hook on module loading;
 * test files are loaded once, and their tests are run as often as there are mutants to judge. It ends with its parent.
 */

const mutants = new MutantSwitch();
const suites = new Map<string, Mocha>();
/** Recording and a busy machine make tests slow: as long as they end, they judge. */
const coverTestMs = 60_000;
let hooks: Mocha.RootHookObject | null = null;
let count = 0;
let urls: string[] = [];

async function start(given: Start): Promise<null> {
  count = given.count;
  urls = Object.keys(given.sources);
  mutants.install();
  mutants.activate(given.active);
  registerHooks({
    load(url, context, next) {
      const source = given.sources[url];
      if (source === undefined) return next(url, context);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
  // A counterexample is as good as the smallest one here, and every run has to draw the same.
  fc.configureGlobal({ endOnFailure: true, seed: 1 });
  if (given.judgesLeaks) {
    const leaks = (await import('../support/leaks.ts')) as { mochaHooks: Mocha.RootHookObject };
    hooks = leaks.mochaHooks;
  }
  return null;
}

async function load(file: string): Promise<Mocha> {
  const known = suites.get(file);
  if (known !== undefined) return known;
  const mocha = new Mocha({ timeout: coverTestMs, reporter: class {} as never, bail: true });
  mocha.cleanReferencesAfterRun(false);
  if (hooks !== null) mocha.rootHooks(hooks);
  mocha.addFile(resolve(file));
  await mocha.loadFilesAsync();
  suites.set(file, mocha);
  return mocha;
}

async function loadSources(): Promise<readonly number[]> {
  mutants.record(count);
  for (const url of urls) await import(url);
  mutants.stopRecording();
  return mutants.takeReached();
}

async function cover(file: string): Promise<Coverage> {
  const tests: CoveredTest[] = [];
  mutants.record(count);
  let mocha: Mocha;
  try {
    mocha = await load(file);
  } catch (error) {
    return { tests, reachedByLoading: [], reachedByHooks: [], problem: String(error) };
  }
  const reachedByLoading = mutants.takeReached();
  const reachedByHooks = new Set<number>();
  let problem: string | null = null;
  let beganMs = 0;
  mocha.bail(false);
  choose(mocha, null, coverTestMs);
  await new Promise<void>((done) => {
    const runner = mocha.run(() => done());
    runner.on('test', () => {
      for (const number of mutants.takeReached()) reachedByHooks.add(number);
      beganMs = performance.now();
    });
    const ended = (test: Mocha.Test, failed: boolean): void => {
      const ms = performance.now() - beganMs;
      tests.push({ title: test.fullTitle(), ms, reached: mutants.takeReached(), failed });
    };
    runner.on('pass', (test) => ended(test, false));
    runner.on('fail', (test, error) => {
      if ((test.type as string) === 'hook') problem = `${test.fullTitle()}: ${String(error)}`;
      else ended(test, true);
    });
  });
  for (const number of mutants.takeReached()) reachedByHooks.add(number);
  mutants.stopRecording();
  return { tests, reachedByLoading, reachedByHooks: [...reachedByHooks], problem };
}

/** Chooses the tests of the next run by their full titles. */
function choose(mocha: Mocha, titles: readonly string[] | null, timeoutMs: number): void {
  const chosen = titles === null ? null : new Set(titles);
  mocha.grep({ test: (title: string) => chosen === null || chosen.has(title) } as unknown as RegExp);
  mocha.suite.eachTest((test) => {
    test.timeout(timeoutMs);
  });
}

async function run(order: Order & { do: 'run' }): Promise<RunResult> {
  mutants.activate(order.active);
  let failed: string | null = null;
  let error: string | null = null;
  let passed = 0;
  try {
    const mocha = await load(order.file);
    mocha.bail(true);
    choose(mocha, order.titles, order.timeoutMs);
    await new Promise<void>((done) => {
      const runner = mocha.run(() => done());
      runner.on('pass', () => {
        passed += 1;
      });
      runner.on('fail', (test, thrown: unknown) => {
        failed ??= test.fullTitle();
        error ??= String(thrown);
      });
    });
  } catch (thrown) {
    failed ??= order.file;
    error ??= String(thrown);
  }
  return { passed, failed, error };
}

async function obey(order: Order): Promise<Answer> {
  if (order.do === 'start') return start(order.start);
  if (order.do === 'load sources') return loadSources();
  if (order.do === 'cover') return cover(order.file);
  return run(order);
}

process.on('message', (order: Order) => {
  void obey(order).then((answer) => process.send?.({ answer }));
});
process.on('disconnect', () => process.exit());
