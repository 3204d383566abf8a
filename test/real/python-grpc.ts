import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isInstalled } from '../bench/machine.ts';
import { protoDir } from '../support/protos.ts';
import { exitForMissing } from './checks.ts';

const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));

/** A virtual environment with gRPC in the cache folder, made at the first run and kept by its versions. */
export function pythonWithGrpc(): string {
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
export function makeStubs(python: string, dir: string): void {
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
