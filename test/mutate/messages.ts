/** What the parent and a worker process say to each other. */

export interface Start {
  /** The instrumented sources by URL. */
  readonly sources: Readonly<Record<string, string>>;
  /** The mutant that is awake before anything is loaded; 0 for none. */
  readonly active: number;
  /** The highest number of a mutant. */
  readonly count: number;
  /** Whether what a suite leaves behind fails it, as in `npm test`; sound only for the first run in a process. */
  readonly judgesLeaks: boolean;
}

export type Order =
  | { readonly do: 'start'; readonly start: Start }
  /** Runs a file with no mutant awake and records which test asks for which mutants. */
  | { readonly do: 'cover'; readonly file: string }
  /** Loads the instrumented sources and nothing else, and answers with the mutants that this alone asked for. */
  | { readonly do: 'load sources' }
  /** Runs tests of a file until the first failure. Titles of null are all. */
  | {
      readonly do: 'run';
      readonly file: string;
      readonly active: number;
      readonly titles: readonly string[] | null;
      readonly timeoutMs: number;
    };

export interface CoveredTest {
  readonly title: string;
  readonly ms: number;
  readonly reached: readonly number[];
  readonly failed: boolean;
}

export interface Coverage {
  readonly tests: readonly CoveredTest[];
  /** Asked for by the file itself while it was loaded, outside of any test: for its examples, say. */
  readonly reachedByLoading: readonly number[];
  /** Asked for by hooks of suites, outside of any test. */
  readonly reachedByHooks: readonly number[];
  /** Why the file could not be loaded or run. */
  readonly problem: string | null;
}

export interface RunResult {
  readonly passed: number;
  /** The title of the first test or hook that failed. */
  readonly failed: string | null;
  readonly error: string | null;
}

export type Answer = Coverage | RunResult | readonly number[] | null;
