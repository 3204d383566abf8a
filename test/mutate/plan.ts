import { basename } from 'node:path';
import type { Coverage } from './messages.ts';

/** Tests of one file that are run together. */
export interface Batch {
  readonly file: string;
  /** Full titles; null are all of the file. */
  readonly titles: readonly string[] | null;
  /** How long they take with no mutant awake. */
  readonly ms: number;
  /** The longest of them. */
  readonly testMs: number;
}

interface PlannedTest {
  readonly title: string;
  readonly ms: number;
}

/** Tests that take less are run together with others of their file. */
const quickMs = 50;

/** Knows from a first run which tests reach which mutant, and how long they take. */
export class Plan {
  private readonly testsOf = new Map<number, Map<string, PlannedTest[]>>();
  private readonly wholeFilesOf = new Map<number, Set<string>>();
  private readonly loadingFilesOf = new Map<number, Set<string>>();
  private readonly loaded: ReadonlySet<number>;
  private readonly filesMs = new Map<string, { all: number; longest: number }>();

  /** `loaded` are the mutants that are asked for while the sources are loaded. */
  constructor(loaded: readonly number[]) {
    this.loaded = new Set(loaded);
  }

  /** Adds what running a test file with no mutant awake showed. Tests that failed judge nothing. */
  add(file: string, coverage: Coverage): void {
    const good = coverage.tests.filter(({ failed }) => !failed);
    this.filesMs.set(file, {
      all: good.reduce((sum, { ms }) => sum + ms, 0),
      longest: good.reduce((longest, { ms }) => Math.max(longest, ms), 0),
    });
    for (const { title, ms, reached } of good)
      for (const number of reached) {
        const files = this.testsOf.get(number) ?? new Map<string, PlannedTest[]>();
        this.testsOf.set(number, files);
        const tests = files.get(file) ?? [];
        files.set(file, tests);
        tests.push({ title, ms });
      }
    for (const number of coverage.reachedByHooks) addFile(this.wholeFilesOf, number, file);
    for (const number of coverage.reachedByLoading) addFile(this.loadingFilesOf, number, file);
  }

  private get files(): string[] {
    return [...this.filesMs.keys()];
  }

  /** The tests that reach a mutant of `source`: those of the file named after it first, then the quick ones. */
  batchesOf(number: number, source: string): Batch[] {
    const batches: Batch[] = [];
    const whole = this.wholeFilesOf.get(number) ?? new Set<string>();
    for (const file of whole) batches.push(this.wholeFile(file));
    for (const [file, tests] of this.testsOf.get(number) ?? []) {
      if (whole.has(file)) continue;
      const quick = tests.filter(({ ms }) => ms < quickMs);
      if (quick.length > 0) batches.push(batch(file, quick));
      for (const test of tests) if (test.ms >= quickMs) batches.push(batch(file, [test]));
    }
    return sorted(batches, source);
  }

  /** Whether loading the sources asks for a mutant. */
  isConstant(number: number): boolean {
    return this.loaded.has(number);
  }

  /**
   * The tests of a mutant that shows only in a process in which it was awake from the start: all tests, where loading the
   * sources asks for it, as for a constant; else those of the files that ask for it outside of their tests.
   */
  batchesAlone(number: number, source: string): Batch[] {
    const files = this.loaded.has(number) ? this.files : [...(this.loadingFilesOf.get(number) ?? [])];
    return sorted(
      files.map((file) => this.wholeFile(file)),
      source,
    );
  }

  private wholeFile(file: string): Batch {
    const ms = this.filesMs.get(file);
    return { file, titles: null, ms: ms?.all ?? 0, testMs: ms?.longest ?? 0 };
  }
}

function addFile(files: Map<number, Set<string>>, number: number, file: string): void {
  const known = files.get(number) ?? new Set<string>();
  files.set(number, known.add(file));
}

function batch(file: string, tests: readonly PlannedTest[]): Batch {
  return {
    file,
    titles: tests.map(({ title }) => title),
    ms: tests.reduce((sum, { ms }) => sum + ms, 0),
    testMs: tests.reduce((longest, { ms }) => Math.max(longest, ms), 0),
  };
}

function sorted(batches: Batch[], source: string): Batch[] {
  const name = basename(source, '.ts');
  const cost = ({ file, ms }: Batch): number => (basename(file, '.test.ts') === name ? ms - 1000 : ms);
  return batches.sort((a, b) => cost(a) - cost(b));
}
