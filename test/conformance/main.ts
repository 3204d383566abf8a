/**
 * Runs the public HTTP/2 suites and ends with `N passed, N failed`; exit code 1 when a case failed that `contradicted.ts` does
 * not excuse.
 *
 *   node test/conformance/main.ts [--install] [--suite h2spec,h2specd,httpwg] [--port PORT]
 *
 * h2spec (strict) and httpwg run against the engine alone as a server and against a running sidecar, h2specd against the
 * engine alone as a client and against the upstream leg of that sidecar. With `--port` the server suites run against
 * whatever listens there on 127.0.0.1 and answers GET and POST of `/` with a body. `--install` only builds the programs.
 * One whose toolchain is missing is skipped with a line that says so; in CI (`CI=true`) that is a failure.
 */
import { parseArgs } from 'node:util';
import { freePorts } from '../support/free-ports.ts';
import { contradicted } from './contradicted.ts';
import { program, programNames } from './programs.ts';
import { h2specdCases, runH2spec, runH2specd, runHttpwg, type SuiteRun } from './suites.ts';
import { type ServerTarget, startTargets } from './targets.ts';

const { values } = parseArgs({
  options: { install: { type: 'boolean' }, suite: { type: 'string' }, port: { type: 'string' } },
});
const wanted = values.suite?.split(',') ?? programNames;
const missing: string[] = [];

async function runAll(): Promise<SuiteRun[]> {
  const runs: SuiteRun[] = [];
  const paths = new Map(
    programNames.filter((name) => wanted.includes(name)).map((name) => [name, program(name)]),
  );
  for (const [name, path] of paths) if (path === null) missing.push(name);
  if (values.install) return runs;
  const [h2spec, h2specd, httpwg] = programNames.map((name) => paths.get(name) ?? null);
  const onServer = async (target: ServerTarget): Promise<void> => {
    if (h2spec !== null) runs.push(await runH2spec(h2spec, target));
    // It speaks no TLS.
    if (httpwg !== null && !target.tls) runs.push(await runHttpwg(httpwg, target));
  };
  if (values.port !== undefined) {
    await onServer({ name: `port ${values.port}`, port: Number(values.port), tls: false });
    return runs;
  }
  const fromPort = await freePorts(h2specdCases);
  const targets = await startTargets(Array.from({ length: h2specdCases }, (_, index) => fromPort + index));
  try {
    for (const target of targets.servers) await onServer(target);
    if (h2specd !== null) {
      runs.push(await runH2specd(h2specd, fromPort, null));
      runs.push(await runH2specd(h2specd, fromPort, targets.forward));
    }
  } finally {
    await targets.stop();
  }
  return runs;
}

/** Prints the verdict; false when it is a failure. */
function sumUp(runs: readonly SuiteRun[]): boolean {
  let passed = 0;
  let failed = process.env.CI === 'true' ? missing.length : 0;
  for (const { suite, target, cases } of runs) {
    let excused = 0;
    for (const one of cases) {
      const excuse = contradicted.find((of) => of.target === target && of.id === one.id);
      if (one.passed) passed++;
      else if (excuse === undefined) failed++;
      else excused++;
      if (one.passed && excuse !== undefined)
        console.log(`${one.id} passes on the ${target}: take it off contradicted.ts`);
      if (one.passed) continue;
      const verdict = excuse === undefined ? 'failed' : `excused (${excuse.because})`;
      console.log(`${verdict}: ${one.id} ${one.title}, on the ${target}`);
    }
    const fine = cases.filter((one) => one.passed).length;
    console.log(
      `${suite}, ${target}: ${fine} of ${cases.length} passed${excused > 0 ? `, ${excused} excused` : ''}`,
    );
  }
  console.log(`${passed + (values.install ? wanted.length - missing.length : 0)} passed, ${failed} failed`);
  return failed === 0;
}

process.exitCode = sumUp(await runAll()) ? 0 : 1;
