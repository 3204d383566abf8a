import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isInstalled } from '../bench/machine.ts';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { protoDir } from '../support/protos.ts';
import { type SidecarProcess, startSidecar } from '../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from './checks.ts';

/**
 * A Python client, whose HTTP/2 is gRPC's C core, through the sidecar to three real replicas. `--direct` leaves the
 * sidecar out and goes to one replica, to see whether a failure is the sidecar's doing.
 */
const direct = process.argv.includes('--direct');
const here = fileURLToPath(new URL('.', import.meta.url));
const requirements = `${here}requirements.txt`;
const clientTimeoutMs = 120_000;
/** What client.py asks for its call with a deadline, and the little that the C core rounds up on the wire. */
const deadlineMs = 300 + 10;

/** A virtual environment with gRPC in the cache folder, made at the first run and kept by its versions. */
function pythonWithGrpc(): string {
  const version = /grpcio==(\S+)/.exec(readFileSync(requirements, 'utf8'))?.[1];
  const cacheDir = process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`;
  const venv = `${cacheDir}/outrigger/python-grpcio-${version}`;
  const python = `${venv}/bin/python`;
  const complete = `${venv}/.complete`;
  if (existsSync(complete)) return python;
  if (!isInstalled('python3'))
    exitForMissing('python3 is not installed (Debian packages python3 and python3-venv)');
  mkdirSync(venv, { recursive: true });
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--only-binary=:all:',
    '-r',
    requirements,
  ];
  for (const [program, args] of [
    ['python3', ['-m', 'venv', '--clear', venv]],
    [python, pip],
  ] as const) {
    const done = spawnSync(program, args, { encoding: 'utf8' });
    if (done.status !== 0)
      exitForMissing(`gRPC for Python could not be installed: ${done.stderr.trim().slice(-500)}`);
  }
  writeFileSync(complete, '');
  return python;
}

/** Stubs of the greeter and the echo service. */
function makeStubs(python: string, dir: string): void {
  const echo = `${dir}/protos/test_protos`; // a package named `test` would be Python's own
  mkdirSync(echo, { recursive: true });
  mkdirSync(`${dir}/test_protos`);
  writeFileSync(`${echo}/echo.proto`, readFileSync(`${protoDir}test/echo.proto`));
  writeFileSync(`${dir}/protos/greeter.proto`, readFileSync(`${protoDir}greeter.proto`));
  const outputs = [`--python_out=${dir}`, `--grpc_python_out=${dir}`];
  const args = [
    '-m',
    'grpc_tools.protoc',
    `-I${dir}/protos`,
    ...outputs,
    'greeter.proto',
    'test_protos/echo.proto',
  ];
  const done = spawnSync(python, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`protoc: ${done.stderr.trim()}`);
}

/** Runs client.py and takes over its verdicts. */
async function runClient(checks: Checks, python: string, target: string, dir: string): Promise<void> {
  const env = { ...process.env, PYTHONUTF8: '1', no_grpc_proxy: '127.0.0.1' };
  const child = spawn(python, [`${here}client.py`, target, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const timer = setTimeout(() => child.kill('SIGKILL'), clientTimeoutMs);
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, why } = JSON.parse(line) as { name: string; why: string };
    if (why === '') checks.passed(name);
    else checks.failed(name, why);
  }
  const [code, signal] = await exit;
  clearTimeout(timer);
  if (code !== 0) checks.failed('the client', `it ended with ${code ?? signal}`);
}

/** What only the replicas can tell. */
async function replicasAgree(
  { check }: Checks,
  replicas: readonly Greeter[],
  deadlines: number[],
): Promise<void> {
  const sum = (of: (replica: Greeter) => number) =>
    replicas.reduce((total, replica) => total + of(replica), 0);
  await check('the deadline reached the replica', async () =>
    expectThat(
      deadlines.some((ms) => ms > 0 && ms <= deadlineMs),
      `the replicas saw ${deadlines.length} deadlines, none of them up to ${deadlineMs} ms`,
    ),
  );
  await check('cancelled calls were cancelled at the replicas, and none is left', () =>
    until(
      'two cancelled calls',
      5000,
      async () => sum((r) => r.cancelled) >= 2 && sum((r) => r.active) === 0,
    ),
  );
}

async function main(): Promise<number> {
  const python = pythonWithGrpc();
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-python-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const deadlines: number[] = [];
  let replicas: Greeter[] = [];
  let sidecar: SidecarProcess | null = null;
  try {
    makeStubs(python, dir);
    replicas = await Promise.all(
      ['a', 'b', 'c'].map((name) => startGreeter({ name, onDeadline: (ms) => deadlines.push(ms) })),
    );
    sidecar = direct ? null : await startSidecar(replicas.map(({ address }) => address));
    // gRPC's own balancing for the direct run, so that all replicas serve there too.
    const target = sidecar?.listener ?? `ipv4:${replicas.map(({ address }) => address).join(',')}`;
    await runClient(checks, python, target, dir);
    await replicasAgree(checks, replicas, deadlines);
    if (sidecar !== null) {
      const code = await sidecar.stop();
      await checks.check('the sidecar drains and ends with 0', async () =>
        expectThat(code === 0, `it ended with ${code}: ${sidecar?.log()}`),
      );
    }
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    await sidecar?.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
  }
  return checks.close();
}

process.exit(await main());
