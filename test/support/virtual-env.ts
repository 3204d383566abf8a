import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isInstalled } from '../bench/machine.ts';

export type VirtualEnv =
  | { readonly bin: string; readonly missing?: undefined }
  | { readonly bin?: undefined; readonly missing: string };

/**
 * The `bin` folder of a Python environment with the packages of `requirements`, a file; or why there is none. It is made in the cache
 * folder at the first call, and kept as long as that file stays the same.
 */
export function virtualEnv(name: string, requirements: string): VirtualEnv {
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const cacheDir = process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`;
  const venv = `${cacheDir}/outrigger/python-${name}-${version}`;
  const bin = `${venv}/bin`;
  const complete = `${venv}/.complete`;
  if (existsSync(complete)) return { bin };
  if (!isInstalled('python3'))
    return { missing: 'python3 is not installed (Debian packages python3 and python3-venv)' };
  mkdirSync(venv, { recursive: true });
  const pip = '-m pip install --quiet --disable-pip-version-check --only-binary=:all: -r'.split(' ');
  for (const [program, args] of [
    ['python3', ['-m', 'venv', '--clear', venv]],
    [`${bin}/python`, [...pip, requirements]],
  ] as const) {
    const done = spawnSync(program, args, { encoding: 'utf8' });
    if (done.status !== 0)
      return { missing: `${name} could not be installed: ${done.stderr.trim().slice(-500)}` };
  }
  writeFileSync(complete, '');
  return { bin };
}
