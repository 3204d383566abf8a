/**
 * Lets the tests of a suite, or one test, run again when they fail, because they judge real time and the machine may be
 * busy. Nothing else may: where input is drawn at random, a rare counterexample is the find, and a second run hides it.
 * `reason` says what time decides.
 */
export function judgesRealTime(suite: Mocha.Suite | Mocha.Context, reason: string, retries = 1): void {
  if (reason.trim() === '') throw new Error('a suite that may run again needs a reason');
  suite.retries(retries);
}
