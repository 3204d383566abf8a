/**
 * Runs h2spec (strict) against the engine as a server and h2specd against it as a client, and ends with
 * `N passed, N failed`; exit code 1 when a case failed that `contradicted.ts` does not excuse.
 *
 *   node test/conformance/h2spec.ts [--server | --client] [--port PORT]
 *
 * With `--port` the server suite runs against whatever listens there on 127.0.0.1 and answers GET and POST of `/`.
 * The programs are Go modules, built into the user's cache on first use; without Go the run says so and is skipped, which
 * in CI (`CI=true`) is a failure.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { contradicted } from './contradicted.ts';
import { startEchoServer } from './h2-echo-server.ts';
import { type CaseResult, readReport } from './h2spec-report.ts';

/** The newest version that the Go module proxy serves; later tags have no module path. */
const moduleVersion = 'v2.2.1+incompatible';
const serverCases = 146;
const clientCases = 57;
const suitePatienceMs = 300_000;
const cacheDir = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'outrigger',
  `h2spec-${moduleVersion}`,
);

/** Where the program is, or null with the reason said. */
function program(name: 'h2spec' | 'h2specd'): string | null {
  const path = join(cacheDir, name);
  if (existsSync(path)) return path;
  mkdirSync(cacheDir, { recursive: true });
  const target = `github.com/summerwind/h2spec/cmd/${name}@${moduleVersion}`;
  const built = spawnSync('go', ['install', target], {
    env: { ...process.env, GOBIN: cacheDir },
    encoding: 'utf8',
  });
  if (built.status === 0 && existsSync(path)) return path;
  const reason =
    built.error === undefined ? built.stderr.trim().split('\n').at(-1) : 'there is no go command';
  console.log(`skipped: ${name} cannot be had (go install ${target}: ${reason})`);
  return null;
}

/** Runs to the end and returns all it printed; null when it did not end in time. */
function outputOf(command: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), suitePatienceMs);
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', (_code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? Buffer.concat(chunks).toString('utf8') : null);
    });
  });
}

async function runServerSuite(port: string | undefined): Promise<CaseResult[] | null> {
  const command = program('h2spec');
  if (command === null) return null;
  const server = port === undefined ? await startEchoServer(0) : null;
  const output = await outputOf(command, ['-S', '-h', '127.0.0.1', '-p', port ?? String(server?.port)]);
  server?.close();
  return judged('as a server', output, serverCases);
}

async function runClientSuite(): Promise<CaseResult[] | null> {
  const command = program('h2specd');
  if (command === null) return null;
  const client = join(import.meta.dirname, 'h2-client.ts');
  const fromPort = await freePorts(clientCases);
  const exec = `${process.execPath} ${client}`;
  const output = await outputOf(command, [
    '-S',
    '-o',
    '10',
    '-h',
    '127.0.0.1',
    '-f',
    String(fromPort),
    '-e',
    exec,
  ]);
  return judged('as a client', output, clientCases);
}

function judged(role: string, output: string | null, expected: number): CaseResult[] {
  const { cases, failures } = readReport(output ?? '');
  console.log(`${role}: ${cases.length} cases, ${cases.filter((one) => one.passed).length} passed`);
  if (cases.length === expected) {
    if (failures !== '') console.log(failures);
    return cases;
  }
  // A suite that stopped half-way has failed, whatever it had passed by then.
  const title = `the suite ran ${cases.length} of its ${expected} cases`;
  console.log(
    output === null ? `${title}: it did not end in time` : output.split('\n').slice(-20).join('\n'),
  );
  return [...cases, { id: `${role}`, title, passed: false }];
}

/** The first of `count` ports in a row that nobody listens on; below the range that systems hand out by themselves. */
async function freePorts(count: number): Promise<number> {
  for (let first = 20_000; first < 30_000; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row between 20000 and 30000`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Prints the verdict; false when it is a failure. */
function sumUp(results: ReadonlyArray<CaseResult[] | null>): boolean {
  const excuses = new Map(contradicted.map(({ id, because }) => [id as string, because]));
  let passed = 0;
  let failed = results.filter((cases) => cases === null).length * (process.env.CI === 'true' ? 1 : 0);
  for (const one of results.flatMap((cases) => cases ?? [])) {
    const excuse = excuses.get(one.id);
    if (one.passed) passed++;
    else if (excuse === undefined) failed++;
    if (one.passed && excuse !== undefined) console.log(`${one.id} passes: take it off contradicted.ts`);
    if (!one.passed)
      console.log(`${excuse === undefined ? 'failed' : `excused (${excuse})`}: ${one.id} ${one.title}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

const { values } = parseArgs({
  options: { server: { type: 'boolean' }, client: { type: 'boolean' }, port: { type: 'string' } },
});
const results: Array<CaseResult[] | null> = [];
if (!values.client) results.push(await runServerSuite(values.port));
if (!values.server && values.port === undefined) results.push(await runClientSuite());
process.exitCode = sumUp(results) ? 0 : 1;
