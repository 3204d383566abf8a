import { parseArgs } from 'node:util';
import { connectPrograms } from './programs.ts';
import { startSidecars } from './sidecars.ts';
import { failuresOf, runSuite, type SuiteRun, suites } from './suites.ts';

/**
 * Runs Buf's conformance suite for gRPC, gRPC-Web and Connect, over HTTP/1.1 and HTTP/2, through sidecars with their defaults:
 * in front of its reference server and of grpc-go's, and between its server and its reference client and that of grpc-go. Ends with
 * `N passed, N failed`; exit code 1 where fewer cases pass than without a sidecar.
 *
 *   node test/conformance/connect/main.ts [--install] [--only PROGRAM,…] [--run PATTERN]… [--direct]
 *
 * All cases pass without a sidecar, but for those in `grpc-go-*.txt`, which must fail. `--direct` shows that: it runs the suites
 * without sidecars as well. `--install` only builds the programs.
 */
const { values } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    only: { type: 'string' },
    run: { type: 'string', multiple: true, default: [] },
    direct: { type: 'boolean', default: false },
  },
});
const failuresShown = 20;

function show(title: string, run: SuiteRun): void {
  const excused = run.excused === 0 ? '' : `, ${run.excused} fail without a sidecar too`;
  console.log(`${title}: ${run.passed} of ${run.passed + run.failed} passed${excused}`);
  const failures = failuresOf(run);
  for (const failure of failures.slice(0, failuresShown)) console.log(failure.trimEnd());
  if (failures.length > failuresShown) console.log(`… and ${failures.length - failuresShown} more`);
  if (run.failed > 0 && failures.length === 0) console.log(run.output);
}

async function runAll(folder: string): Promise<{ passed: number; failed: number }> {
  const chosen = suites.filter(({ program }) => values.only?.split(',').includes(program) ?? true);
  const sidecars = await startSidecars();
  const sum = { passed: 0, failed: 0 };
  for (const suite of chosen) {
    if (values.direct) show(`${suite.program}, directly`, await runSuite(suite, folder, null, values.run));
    const run = await runSuite(suite, folder, sidecars.address, values.run);
    show(`${suite.program}, through ${sidecars.count} sidecars`, run);
    sum.passed += run.passed;
    sum.failed += run.failed;
  }
  const errors = await sidecars.stop();
  for (const error of errors) console.log(error);
  return { ...sum, failed: sum.failed + errors.length };
}

const folder = connectPrograms();
const missing = folder === null && process.env.CI === 'true' ? 1 : 0;
const { passed, failed } =
  folder === null || values.install
    ? { passed: folder === null ? 0 : 1, failed: missing }
    : await runAll(folder);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
