/** A list of checks, told one by one as they go, with the closing line that CI counts. */
export interface Checks {
  /** Runs a check; what it throws is a failure and does not stop the next one. */
  check(name: string, run: () => Promise<void>): Promise<void>;
  passed(name: string): void;
  failed(name: string, why: string): void;
  /** Prints `N passed, N failed`; the exit code. */
  close(): number;
}

export function startChecks(): Checks {
  let passed = 0;
  let failed = 0;
  const checks: Checks = {
    async check(name, run) {
      try {
        await run();
        checks.passed(name);
      } catch (error) {
        checks.failed(name, error instanceof Error ? error.message : String(error));
      }
    },
    passed(name) {
      passed++;
      process.stdout.write(`  ok      ${name}\n`);
    },
    failed(name, why) {
      failed++;
      process.stdout.write(`  FAILED  ${name}: ${why}\n`);
    },
    close() {
      process.stdout.write(`${passed} passed, ${failed} failed\n`);
      return failed === 0 && passed > 0 ? 0 : 1;
    },
  };
  return checks;
}

/** A missing tool: skipped with a line, except in CI, where it is a failure. */
export function exitForMissing(what: string): never {
  const inCi = process.env.CI === 'true';
  process.stdout.write(`${inCi ? 'FAILED' : 'skipped'}: ${what}\n0 passed, ${inCi ? 1 : 0} failed\n`);
  process.exit(inCi ? 1 : 0);
}

export function expectThat(truth: boolean, otherwise: string): void {
  if (!truth) throw new Error(otherwise);
}

/** Asks again and again until it is true; rejects with the name after the patience is over. */
export async function until(what: string, patienceMs: number, ask: () => Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + patienceMs;
  while (!(await ask())) {
    if (Date.now() > untilMs) throw new Error(`${what}: not after ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
