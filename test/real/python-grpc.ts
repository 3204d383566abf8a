import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { protoDir } from '../support/protos.ts';
import { virtualEnv } from '../support/virtual-env.ts';
import { exitForMissing } from './checks.ts';

const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));

/** The Python of an environment with gRPC, made in the cache folder at the first run. */
export function pythonWithGrpc(): string {
  const { bin, missing } = virtualEnv('grpcio', requirements);
  return missing === undefined ? `${bin}/python` : exitForMissing(missing);
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
